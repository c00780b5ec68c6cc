import Accounts
import Cluster
import EngineIO
import JSONWebTokens
import Logging
import NIOCore
import NIOPosix
import PrometheusMetrics
import RedisClient
import Rooms
import Sessions
import SocketIO
import Synchronization

/// The parts of one node, made from its configuration and tied to each other.
final class NodeParts: Sendable {
    let configuration: RejoinConfiguration
    let name: NodeName
    let logger: Logger
    let group: MultiThreadedEventLoopGroup
    let eventLoops: [any EventLoop]
    /// TLS of the public listener; nil: it speaks plain HTTP.
    let tls: EngineTLS?
    let redis: RedisClient
    let subscriber: RedisSubscriber
    let replicas: RedisReplicas
    let accounts: Accounts
    /// `nil` where no identity provider is configured.
    let tokens: JSONWebTokenVerifier?
    let cluster: Cluster
    let keys: KeyRing
    let requests: RequestPolicy
    let sessions: SessionService
    let probe: SessionProbe
    let rooms: Rooms
    let server: SocketIOServer
    /// Where players and watchers are.
    let sockets: Namespace
    /// Keeps the sockets of other namespaces, where they have connection state recovery.
    let recovery: RedisRecoveryStore
    let leaving: Leaving
    let announcement = Announcement()

    init(
        _ configuration: RejoinConfiguration, games: GameCatalog, group: MultiThreadedEventLoopGroup, logger: Logger
    ) async throws {
        self.configuration = configuration
        self.group = group
        let name = configuration.node.name.flatMap { NodeName($0) } ?? .random()
        var logger = logger
        logger[metadataKey: "node"] = "\(name)"
        self.name = name
        self.logger = logger
        var eventLoops: [any EventLoop] = []
        for eventLoop in group.makeIterator() {
            eventLoops.append(eventLoop)
        }
        self.eventLoops = eventLoops
        leaving = Leaving()

        let redisConfiguration = try configuration.requireRedis()
        tls = try Self.tls(configuration)
        redis = RedisClient(configuration: redisConfiguration, eventLoop: eventLoops[0], logger: logger)
        subscriber = RedisSubscriber(
            configuration: redisConfiguration, eventLoop: eventLoops[eventLoops.count - 1], logger: logger)
        replicas = RedisReplicas(of: redis, eventLoop: eventLoops[0], logger: logger)
        accounts = try await Self.accounts(configuration, logger)
        tokens = try await Self.tokens(configuration, group, logger)
        var clusterConfiguration = ClusterConfiguration(name: name, version: RejoinVersion.current)
        clusterConfiguration.prefix = configuration.redisPrefix
        clusterConfiguration.storeID = accounts.storeID
        cluster = Cluster(
            configuration: clusterConfiguration, redis: redis, subscriber: subscriber, logger: logger)

        let clock = RedisClock()
        keys = try Self.keys(configuration, redis, clock, logger)
        requests = try Self.requests(configuration)
        let store = SessionStore(
            redis: redis, prefix: configuration.redisPrefix, life: try Self.life(configuration), clock: clock,
            logger: logger)
        probe = SessionProbe(store: store)
        sessions = SessionService(
            configuration: Self.sessions(configuration, name), keys: keys, store: store, accounts: accounts,
            tokens: tokens,
            limiter: LoginLimiter(
                redis: redis, prefix: configuration.redisPrefix, limits: Self.loginLimits(configuration)),
            cluster: cluster, replicas: replicas, requests: requests, eventLoops: eventLoops,
            isServing: { [leaving, redis] in
                if leaving.isLeaving { return "this node is leaving; connect again" }
                return redis.isConnected ? nil : "this node cannot reach Redis at the moment; connect again"
            }, logger: logger)
        var engine = Self.engine(configuration, name)
        engine.tls = tls
        engine.peers = ClusterPeers(cluster: cluster, keys: keys, clock: clock, logger: logger)
        server = SocketIOServer(
            engine: engine, configuration: Self.socketIO(configuration),
            eventLoops: eventLoops, connections: SocketConnections(sessions: sessions),
            adapter: ClusterAdapter(cluster))
        recovery = RedisRecoveryStore(redis: redis, subscriber: subscriber, prefix: configuration.redisPrefix)
        sockets = server.namespace("/")
        rooms = Rooms(
            redis: redis, subscriber: subscriber, prefix: configuration.redisPrefix, games: games,
            limits: Self.roomLimits(configuration), eventLoops: eventLoops,
            audience: SocketAudience(sockets: sockets), nodes: Self.roomNodes(cluster), clock: clock,
            logger: logger)
        let roomEvents = RoomEvents(
            rooms: rooms, sessions: sessions, roomsPerSocket: configuration.limits.roomsPerSocket)
        sessions.onUserChange { roomEvents.userChanged(on: $0, from: $1) }
        server.namespace(
            "/", handler: SocketService(sessions: sessions, rooms: roomEvents, logger: logger))
    }

    /// Makes what lives on the event loops, and ties the parts to each other. To be awaited before the services run.
    func start() async throws {
        try await sessions.start(eventLoops: eventLoops)
        try await server.start()
        cluster.reportLoad { [server, rooms] in (server.counters.sockets.value, rooms.statistics.held) }
        cluster.onHearingAgain { [rooms, recovery] in
            rooms.missedMessages()
            recovery.missedMessages()
        }
        cluster.onDeaf { [rooms] in rooms.missedMessages() }
        cluster.onDrainRequest { [leaving] in leaving.request() }
    }

    /// Why this node may take no new sockets; `nil` when it may.
    var unreadiness: String? {
        inability ?? (announcement.isMade ? nil : "the other nodes are being told of this one")
    }

    /// Why this node could not serve sockets, whoever knows of it.
    var inability: String? {
        if leaving.isLeaving { return "the node is draining" }
        let readiness = cluster.readiness
        if !readiness.isReady { return readiness.reason ?? readiness.state.rawValue }
        if !keys.isReady { return "no signing key is agreed on with the other nodes yet" }
        return probe.failure
    }
}
