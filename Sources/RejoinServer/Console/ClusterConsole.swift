import Cluster
import Logging
import NIOCore
import NIOPosix
import RedisClient
import Rooms
import Sessions
import SocketIO

/// What operators' commands ask of a cluster, without being a node of it.
public struct ClusterConsole: Sendable {
    let configuration: RejoinConfiguration
    private let redisConfiguration: RedisConfiguration
    private let redis: RedisClient
    private let replicas: RedisReplicas
    private let eventLoop: any EventLoop
    private let logger: Logger

    /// A live node.
    public struct Node: Sendable, Encodable {
        public let name: String
        public let address: String
        public let adminAddress: String
        public let version: String
        /// Milliseconds since 1970.
        public let startedAt: Int
        public let sockets: Int
        public let rooms: Int
        /// `ready`, `draining`, `deaf`, `starting`, `unready`.
        public let state: String
        /// Why it is not ready; empty when it is.
        public let reason: String

        init(_ record: NodeRecord) {
            name = record.name.description
            address = record.address
            adminAddress = record.adminAddress
            version = record.version
            startedAt = record.startedAt
            sockets = record.sockets
            rooms = record.rooms
            state = record.state.rawValue
            reason = record.reason
        }
    }

    /// Who confirmed that sessions ended.
    public struct Confirmation: Sendable {
        /// How many sessions there were to end.
        public let sessions: Int
        public let sockets: Int
        public let nodes: Int
        /// Nodes that did not answer in time; their own sweep notices within 30 s.
        public let missing: [String]
        /// Whether a replica of Redis has it; `nil` where there is none.
        public let replicated: Bool?
    }

    /// Connects to the cluster's Redis for the length of some work.
    ///
    /// - Throws: ``ConfigurationError`` when no Redis is given, `RedisError` when it does not answer, or what the work throws.
    public static func with<Result: Sendable>(
        _ configuration: RejoinConfiguration, _ work: @escaping @Sendable (ClusterConsole) async throws -> Result
    ) async throws -> Result {
        let redisConfiguration = try configuration.requireRedis()
        var logger = Logger(label: "rejoin.console")
        logger.logLevel = .error
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let redis = RedisClient(configuration: redisConfiguration, eventLoop: eventLoop, logger: logger)
        let console = ClusterConsole(
            configuration: configuration, redisConfiguration: redisConfiguration, redis: redis,
            replicas: RedisReplicas(of: redis, eventLoop: eventLoop, logger: logger), eventLoop: eventLoop,
            logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            group.addTask { try await console.replicas.run() }
            defer { group.cancelAll() }
            try await redis.waitUntilConnected(timeout: .seconds(3))
            return try await work(console)
        }
    }

    /// The live nodes, in the order of their names.
    public func nodes() async throws -> [Node] {
        try await records().map(Node.init)
    }

    /// What the registry has of the live nodes.
    func records() async throws -> [NodeRecord] {
        try await NodeDirectory.fetch(redis: redis, prefix: configuration.redisPrefix)
    }

    /// Asks a node to drain; returns when it has begun, or has gone already.
    public func drain(node: String) async throws {
        guard let name = NodeName(node) else {
            throw ConfigurationError("\(node) is no node's name: 1 to 8 of the characters a-z and 0-9 are expected")
        }
        _ = try await NodeDirectory.requestDrain(redis: redis, prefix: configuration.redisPrefix, node: name)
    }

    /// The sessions of the cluster's Redis.
    var store: SessionStore {
        get throws {
            SessionStore(
                redis: redis, prefix: configuration.redisPrefix, life: try NodeParts.life(configuration),
                clock: RedisClock(), logger: logger)
        }
    }

    /// The rooms of the cluster's Redis.
    var directory: RoomDirectory {
        RoomDirectory(redis: redis, prefix: configuration.redisPrefix)
    }

    /// Ends every session of a user, and waits until the nodes have confirmed it.
    public func endSessions(ofUser userID: String) async throws -> Confirmation {
        let ended = try await store.endAll(of: userID)
        let confirmation = try await confirm(ended.sessions)
        _ = try ended.get()
        return confirmation
    }

    /// Tells every node which sessions have ended, and waits for their confirmations.
    func confirm(_ ended: [RevokedSession]) async throws -> Confirmation {
        guard !ended.isEmpty else {
            return Confirmation(sessions: 0, sockets: 0, nodes: 0, missing: [], replicated: nil)
        }
        return try await asMember { cluster in
            async let replicated = replicas.confirm()
            var sockets = 0
            var nodes: Set<NodeName> = []
            var missing: Set<NodeName> = []
            // A message of the bus has a limit of bytes.
            for start in stride(from: 0, to: ended.count, by: 1_000) {
                let endings = ended[start..<min(start + 1_000, ended.count)].map(SessionEnding.init)
                let answers = await cluster.ask(
                    kind: SessionEnding.kind, body: SessionEnding.message(endings[...], .revoked))
                sockets += answers.answers.values.reduce(0) { $0 + ($1["sockets"]?.int ?? 0) }
                nodes.formUnion(answers.answers.keys.filter { $0 != cluster.name })
                missing.formUnion(answers.missing)
            }
            return Confirmation(
                sessions: ended.count, sockets: sockets, nodes: nodes.count,
                missing: missing.sorted().map(\.description), replicated: await replicated)
        }
    }

    /// Joins the cluster for a moment: nodes answer only those whom the registry knows.
    private func asMember<Result: Sendable>(
        _ work: @escaping @Sendable (Cluster) async throws -> Result
    ) async throws -> Result {
        let subscriber = RedisSubscriber(configuration: redisConfiguration, eventLoop: eventLoop, logger: logger)
        var clusterConfiguration = ClusterConfiguration(name: .random(), version: RejoinVersion.current)
        clusterConfiguration.prefix = configuration.redisPrefix
        let cluster = Cluster(
            configuration: clusterConfiguration, redis: redis, subscriber: subscriber, logger: logger)
        cluster.onControl(kind: SessionEnding.kind) { _ in SessionEnding.confirmation(sockets: 0) }
        cluster.onControl(kind: SessionEnding.refreshKind) { _ in .null }
        cluster.onControl(kind: SessionService.seatsKind) { _ in .null }
        let outcome: Swift.Result<Result, any Error>
        do {
            outcome = .success(try await member(cluster, subscriber, work))
        } catch {
            outcome = .failure(error)
        }
        // Or every logout would wait for its answer until its record is too old.
        await cluster.leave()
        return try outcome.get()
    }

    private func member<Result: Sendable>(
        _ cluster: Cluster, _ subscriber: RedisSubscriber, _ work: @escaping @Sendable (Cluster) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await subscriber.run() }
            group.addTask { try await cluster.run() }
            defer { group.cancelAll() }
            let deadline = ContinuousClock.now + .seconds(5)
            while cluster.lastHeard == nil {
                guard ContinuousClock.now < deadline else {
                    throw ClusterError(
                        .timeout, "the nodes were not told within 5 s; their own sweep notices within 30 s")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            return try await work(cluster)
        }
    }
}
