public import Logging
import NIOCore
public import RedisClient
public import ServiceLifecycle
import SocketIO
import Synchronization

/// A node's place among the others: its record in the registry, who else lives, and what the nodes tell each other.
///
/// Redis carries all of it: a record that is renewed every second, and two channels, one for every node and one for
/// each. What comes from there is not trusted: a message that is too large, does not parse, is of an unknown kind or
/// comes from a node that is not in the registry is dropped and counted.
///
/// Register handlers, then ``run()`` once. The Redis client and the subscriber are run by somebody else, and longer.
public final class Cluster: Sendable, Service {
    public let configuration: ClusterConfiguration
    /// This start of this node.
    public let incarnation: Incarnation
    public var name: NodeName { configuration.name }

    let redis: RedisClient
    let subscriber: RedisSubscriber
    let logger: Logger
    let keys: ClusterKeys
    let drops = DropCounter()
    let state: Mutex<State>
    /// Wakes the heartbeat.
    let pulse: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    /// - Parameters:
    ///   - configuration: what the node brings.
    ///   - redis: for commands.
    ///   - subscriber: for this node's two channels; others may use it too.
    ///   - logger: gets the node's life.
    public init(configuration: ClusterConfiguration, redis: RedisClient, subscriber: RedisSubscriber, logger: Logger) {
        self.configuration = configuration
        self.incarnation = .random()
        self.redis = redis
        self.subscriber = subscriber
        self.logger = logger
        self.keys = ClusterKeys(prefix: configuration.prefix)
        self.pulse = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.state = Mutex(State(configuration: configuration, now: .now))
        redis.onConnection { [pulse] _ in pulse.continuation.yield() }
        onControl(kind: Self.announcement) { [weak self] _ in
            do {
                try await self?.beat()
            } catch {
                // Another process has this node's name, which ends the heartbeat too.
                return .false
            }
            return .true
        }
    }
}

extension Cluster {
    /// One of the channels a node listens on.
    enum Channel: Hashable {
        case control, own
    }

    /// A message that waits for its handler.
    struct Inbound: Sendable {
        let message: BusMessage
        let arrivedAt: ContinuousClock.Instant
        /// Whether this node sent it to itself, without Redis.
        let isLocal: Bool
    }

    /// The queue of one kind.
    struct Lane: Sendable {
        let handler: ControlHandler
        /// Whether this node hears what it says itself over Redis, in the one order of all nodes.
        let isShared: Bool
        let stream: AsyncStream<Inbound>
        let continuation: AsyncStream<Inbound>.Continuation
    }

    /// Somebody who waits for answers.
    struct Asker {
        var question = Question()
        var isOver = false
        var continuation: CheckedContinuation<Void, Never>?
    }

    struct State {
        var membership: Membership
        var hearing: Hearing
        var address: String
        var isTLS = false
        var adminAddress: String
        var isDraining = false
        var hasRun = false
        var subscribed: Set<Channel> = []
        var lanes: [String: Lane] = [:]
        var askers: [Int: Asker] = [:]
        var nextQuestion = 1
        var load: @Sendable () -> (sockets: Int, rooms: Int) = { (0, 0) }
        var onDeaf: [@Sendable () -> Void] = []
        var onHearingAgain: [@Sendable () -> Void] = []
        var onDrain: [@Sendable () -> Void] = []
        let startedAt: Int

        init(configuration: ClusterConfiguration, now: ContinuousClock.Instant) {
            var limits = Hearing.Limits()
            limits.deafAfter = configuration.deafAfter
            self.membership = Membership(now: now)
            self.hearing = Hearing(limits: limits, now: now)
            self.address = configuration.address
            self.adminAddress = configuration.adminAddress
            self.startedAt = wallClockMilliseconds()
        }
    }
}

// MARK: What the node is told, before `run()`

extension Cluster {
    /// Registers the handler of a kind of messages, once a kind.
    ///
    /// - Parameters:
    ///   - kind: 1 to 32 characters of letters, digits, `.`, `_`, `-`; not `canary` or `answer`.
    ///   - isShared: whether this node hears what it says itself when the others do, over Redis and in the one order of
    ///     all nodes, and not at once. What is told is then handled one after the other, questions at the same time.
    ///   - handler: runs as a child of `run()`, one message at a time.
    public func onControl(kind: String, isShared: Bool = false, handler: @escaping ControlHandler) {
        precondition(
            BusMessage.isKind(kind) && kind != BusMessage.canaryKind && kind != BusMessage.answerKind,
            "no kind of a message: \(kind)")
        let limit = configuration.maximumQueuedMessages
        let (stream, continuation) = AsyncStream<Inbound>.makeStream(bufferingPolicy: .bufferingOldest(limit))
        state.withLock { state in
            precondition(!state.hasRun, "handlers are registered before the cluster runs")
            precondition(state.lanes[kind] == nil, "a second handler of \(kind)")
            state.lanes[kind] = Lane(
                handler: handler, isShared: isShared, stream: stream, continuation: continuation)
        }
    }

    /// Called on an event loop when the node has become deaf: it must be quick.
    public func onDeaf(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.onDeaf.append(handler) }
    }

    /// Called on an event loop, which it must not hold up, when the node hears again after it was deaf or its
    /// subscription was lost: whatever was published meanwhile is missed.
    public func onHearingAgain(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.onHearingAgain.append(handler) }
    }

    /// Called once a request, quickly, when somebody asked this node to drain; it says that it drains already.
    public func onDrainRequest(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.onDrain.append(handler) }
    }

    /// Where the counts in the node's record come from; called with every heartbeat.
    public func reportLoad(_ load: @escaping @Sendable () -> (sockets: Int, rooms: Int)) {
        state.withLock { $0.load = load }
    }
}

// MARK: What the node says and knows

extension Cluster {
    /// Says where the node is reached, once its listeners are bound.
    ///
    /// - Parameters:
    ///   - address: `HOST:PORT` of the public listener, for the other nodes.
    ///   - isTLS: whether TLS is spoken there; default false.
    ///   - adminAddress: `HOST:PORT` of the admin listener.
    public func advertise(address: String, isTLS: Bool = false, adminAddress: String) {
        state.withLock { state in
            state.address = address
            state.isTLS = isTLS
            state.adminAddress = adminAddress
        }
        pulse.continuation.yield()
    }

    private static let announcement = "joined"

    /// Has every live node read this node's record, and waits for them, 2 s at most: from then on they know where it is
    /// reached. Who does not answer learns it with its next heartbeat.
    public func announce() async {
        let missing = await ask(kind: Self.announcement).missing
        if !missing.isEmpty {
            logger.warning(
                "nodes did not answer that they know this one",
                metadata: ["node": "\(name)", "missing": "\(missing.map(\.description).joined(separator: " "))"])
        }
    }

    /// Renews the node's record now, not with the next heartbeat: something in it has changed.
    public func renew() {
        pulse.continuation.yield()
    }

    /// The node is leaving: not ready from now on, and its record says so.
    public func startDraining() {
        state.withLock { $0.isDraining = true }
        pulse.continuation.yield()
    }

    /// The live nodes, this one included, as of the last heartbeat, in the order of their names.
    public var nodes: [NodeRecord] {
        state.withLock { state in
            let list = state.membership.list
            let since = ContinuousClock.now - list.readAt
            return list.records.values.sorted { $0.name < $1.name }.map { record in
                var record = record
                record.age += since
                return record
            }
        }
    }

    /// The record of a live node, as of the last heartbeat.
    public func node(_ name: NodeName) -> NodeRecord? {
        state.withLock { $0.membership.list.records[name] }
    }

    /// When the last canary that this node heard was sent; nil before the first.
    public var lastHeard: ContinuousClock.Instant? {
        state.withLock { $0.hearing.lastHeard }
    }

    /// How many messages were thrown away, and why.
    public var dropped: [ClusterDrop: Int] { drops.all }

    /// Whether the node may take new sockets, now.
    public var readiness: Readiness {
        let isConnected = redis.isConnected
        return state.withLock { readiness(of: $0, isConnected: isConnected) }
    }

    func readiness(of state: State, isConnected: Bool) -> Readiness {
        let now = ContinuousClock.now
        return ReadinessFacts(
            name: name, isDraining: state.isDraining, isConnected: isConnected,
            redisFailure: isConnected ? nil : redis.failure?.message, phase: state.membership.phase,
            heardAgo: state.hearing.lastHeard.map { now - $0 },
            heartbeatAgo: state.membership.lastHeartbeat.map { now - $0 },
            heartbeatFailure: state.membership.failure, isDeaf: state.hearing.isDeaf,
            freshFor: configuration.freshFor, address: state.address, host: configuration.host,
            storeID: configuration.storeID, list: state.membership.list
        ).readiness
    }

    /// What this node's record says now.
    func record() -> NodeRecord {
        let isConnected = redis.isConnected
        let (load, state) = state.withLock { ($0.load, $0) }
        let (sockets, rooms) = load()
        let readiness = readiness(of: state, isConnected: isConnected)
        return NodeRecord(
            name: name, incarnation: incarnation, address: state.address, isTLS: state.isTLS,
            adminAddress: state.adminAddress, version: configuration.version, startedAt: state.startedAt,
            sockets: sockets, rooms: rooms,
            state: readiness.state, reason: readiness.reason ?? "", storeID: configuration.storeID,
            host: configuration.host, age: .zero)
    }
}
