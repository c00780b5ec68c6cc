import Cluster
import Logging
import NIOCore
import NIOPosix
import RedisClient
import ServiceLifecycle
import SocketIO
import Synchronization
import TestSupport
import Testing

/// One node of a test: a cluster with its two connections, run by a task of its own.
final class TestNode: Sendable {
    let cluster: Cluster
    let redis: RedisClient
    let subscriber: RedisSubscriber
    /// What happened, in order: `deaf`, `hears`, `drain`.
    var events: [String] { log.withLock { $0.events } }
    /// The bodies that the handler of `note` got.
    var notes: [String] { log.withLock { $0.notes } }
    private let log = Mutex((events: [String](), notes: [String]()))
    private let group: ServiceGroup
    private let failure = Mutex<(any Error)?>(nil)
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(
        _ name: String, on server: RedisServer, subscriberURL: String? = nil,
        change: (inout ClusterConfiguration) -> Void = { _ in }, prepare: (Cluster) -> Void = { _ in }
    ) throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let redisConfiguration = try RedisConfiguration(url: server.url)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        redis = RedisClient(configuration: redisConfiguration, eventLoop: loop, logger: logger)
        subscriber = RedisSubscriber(
            configuration: try RedisConfiguration(url: subscriberURL ?? server.url), eventLoop: loop, logger: logger)
        var configuration = ClusterConfiguration(name: try #require(NodeName(name)), version: "1.0.0")
        configuration.address = "127.0.0.1:1"
        change(&configuration)
        cluster = Cluster(configuration: configuration, redis: redis, subscriber: subscriber, logger: logger)
        group = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [redis, subscriber, cluster], logger: logger))
        cluster.onDeaf { [weak self] in self?.log.withLock { $0.events.append("deaf") } }
        cluster.onHearingAgain { [weak self] in self?.log.withLock { $0.events.append("hears") } }
        cluster.onDrainRequest { [weak self] in self?.log.withLock { $0.events.append("drain") } }
        cluster.onControl(kind: "count") { _ in .init(integer: 3) }
        cluster.onControl(kind: "note") { [weak self] message in
            self?.log.withLock { $0.notes.append(message.body.string ?? "?") }
            return .null
        }
        prepare(cluster)
    }

    /// Runs the node until the test's body is over.
    func start() {
        let task = Task {
            do { try await self.group.run() } catch { self.failure.withLock { $0 = error } }
        }
        self.task.withLock { $0 = task }
    }

    /// Starts it and waits until it is ready and knows so many nodes.
    func startAndJoin(nodes: Int) async throws {
        start()
        try await eventually { self.cluster.readiness.isReady && self.cluster.nodes.count >= nodes }
    }

    /// A clean stop.
    func stop() async {
        await group.triggerGracefulShutdown()
        await task.withLock { $0 }?.value
    }

    /// A death: nothing is said, all connections close.
    func kill() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// The error that ended the node.
    var error: (any Error)? { failure.withLock { $0 } }
}

/// Runs a body with nodes on a Redis of their own, which are ready and know each other.
func withNodes(
    _ names: [String], on server: RedisServer, change: (inout ClusterConfiguration) -> Void = { _ in },
    prepare: (Cluster) -> Void = { _ in }, _ body: ([TestNode]) async throws -> Void
) async throws {
    let nodes = try names.map { try TestNode($0, on: server, change: change, prepare: prepare) }
    do {
        for node in nodes { node.start() }
        for node in nodes {
            try await eventually("all nodes are ready") {
                node.cluster.readiness.isReady && node.cluster.nodes.count == nodes.count
            }
        }
        try await body(nodes)
    } catch {
        for node in nodes { await node.kill() }
        throw error
    }
    for node in nodes { await node.kill() }
}
