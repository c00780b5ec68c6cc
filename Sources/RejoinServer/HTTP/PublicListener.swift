import EngineIO
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Sessions
import SocketIO

/// The public listener: pages, the session's endpoints, and the sockets, on one port.
struct PublicListener: Sendable {
    private let parts: NodeParts
    private let listeners: NodeListeners
    private let pages: [WebFile]

    init(_ parts: NodeParts, listeners: NodeListeners, pages: [WebFile]) {
        self.parts = parts
        self.pages = pages
        self.listeners = listeners
    }

    func application(_ logger: Logger) -> some ApplicationProtocol {
        let router = Router(context: VisitorContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: SecurityHeaders(requests: parts.requests))
        router.add(middleware: ErrorAnswers())
        HealthRoutes(parts).add(to: router)
        SessionRoutes(sessions: parts.sessions, requests: parts.requests).add(to: router)
        PageRoutes(sessions: parts.sessions, requests: parts.requests, pages: pages).add(to: router)
        let node = parts.configuration.node
        var serverConfiguration = ApplicationConfiguration(
            address: .hostname(node.host, port: node.port), serverName: nil, backlog: 4_096)
        serverConfiguration.availableConnectionsDelegate = ConnectionBudget(
            parts.configuration.sockets.maximumConnections, counters: parts.server.engine.counters)
        return Application(
            router: router, server: .engineIO(parts.server.engine),
            configuration: serverConfiguration,
            onServerRunning: { [listeners] channel in listeners.bound(public: channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(parts.group), logger: logger)
    }
}
