import Accounts
import Cluster
import EngineIO
import Hummingbird
import HummingbirdCore
import JSONWebTokens
public import Logging
import NIOCore
import NIOPosix
public import PrometheusMetrics
import RedisClient
public import Rooms
public import ServiceLifecycle
import Sessions
public import SocketIO
import UnixSignals

/// One node: everything between the listeners and Redis, started and stopped in order.
///
/// A game server of your own registers its games and runs one of these.
public struct RejoinNode: Service {
    private let configuration: RejoinConfiguration
    private let games: GameCatalog
    private let pages: [WebFile]
    private let defineNamespaces: @Sendable (SocketIOServer, any RecoveryStore) -> Void
    private let metrics: PrometheusRegistry?
    private let logger: Logger
    private let onReady: @Sendable (NodeAddress) -> Void

    /// - Parameters:
    ///   - configuration: what the node is told.
    ///   - games: which game is played in which room; by default every room is a shared object.
    ///   - pages: what browsers get beside the client, `/rejoin.js`; `nil`: the pages of the arena.
    ///   - namespaces: defines namespaces beside `/`, for what a game needs besides rooms; it gets the server and what keeps
    ///     sockets for connection state recovery. Their sockets' contexts are the sessions' own.
    ///   - metrics: what `/metrics` shows, after `MetricsSystem.bootstrap` with it; `nil`: no metrics.
    ///   - logger: where the node's life goes.
    ///   - onReady: called once, when clients may come.
    public init(
        configuration: RejoinConfiguration, games: GameCatalog = GameCatalog(), pages: [WebFile]? = nil,
        namespaces: @escaping @Sendable (SocketIOServer, any RecoveryStore) -> Void = { _, _ in },
        metrics: PrometheusRegistry? = nil,
        logger: Logger, onReady: @escaping @Sendable (NodeAddress) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.games = games
        self.pages = pages ?? WebFile.arena
        self.defineNamespaces = namespaces
        self.metrics = metrics
        self.logger = logger
        self.onReady = onReady
    }

    /// Runs the node until SIGTERM, SIGINT or a drain that somebody asked for; then it drains and stops.
    ///
    /// - Throws: ``ConfigurationError`` when it cannot be what it is told to be, or the error that ended it.
    public func run() async throws {
        for warning in configuration.warnings {
            logger.warning("\(warning)")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.node.threads)
        do {
            let parts = try await NodeParts(configuration, games: games, group: group, logger: logger)
            defineNamespaces(parts.server, parts.recovery)
            try await parts.start()
            if let metrics {
                parts.addSamples(to: metrics)
            }
            try await run(parts)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func run(_ parts: NodeParts) async throws {
        let listeners = NodeListeners()
        var services: [any Service] = [
            // The first to start and the last to stop: the signal never ends the process.
            CertificateReload(tls: parts.tls, logger: parts.logger), parts.redis, parts.subscriber, parts.replicas,
            parts.keys, parts.server, parts.cluster,
            parts.rooms, SessionSweep(parts.sessions), parts.probe,
            AdminListener(parts, metrics: metrics, listeners: listeners).application(logger),
            PublicListener(parts, listeners: listeners, pages: pages).service(logger),
            ReadyService(parts: parts, listeners: listeners, onReady: onReady),
            DrainService(parts: parts),
        ]
        if let keys = parts.tokens?.providerKeys {
            // Stopped last: a login on its way may wait for a key.
            services = [keys, KeyReloadService(keys: keys)] + services
        }
        let serviceGroup = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await serviceGroup.run() }
            group.addTask {
                for await _ in parts.leaving.requests {
                    await serviceGroup.triggerGracefulShutdown()
                }
            }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch let error as ClusterError where error.code == .nameTaken {
                throw ConfigurationError(key: .node, error.message)
            }
        }
    }
}

/// Where a node is reached.
public struct NodeAddress: Sendable {
    public let name: String
    /// `http://HOST:PORT` of the public listener; `https://` when it speaks TLS.
    public let url: String
    /// `http://HOST:PORT` of the admin listener.
    public let adminURL: String
}
