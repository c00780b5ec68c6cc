import EngineIO
import Hummingbird
import HummingbirdEngine
import Logging
import ServiceLifecycle
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

    func service(_ logger: Logger) -> some Service {
        let router = Router(context: VisitorContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: SecurityHeaders(requests: parts.requests))
        router.add(middleware: ErrorAnswers())
        HealthRoutes(parts).add(to: router)
        SessionRoutes(sessions: parts.sessions, requests: parts.requests).add(to: router)
        PageRoutes(sessions: parts.sessions, requests: parts.requests, pages: pages).add(to: router)
        let node = parts.configuration.node
        let budget = ConnectionBudget(
            parts.configuration.sockets.maximumConnections,
            accepting: EngineListener.acceptedAtATime(by: parts.server.engine), counters: parts.server.engine.counters)
        return EngineListener(
            engine: parts.server.engine, router: router, host: node.host, port: node.port,
            mayAccept: { budget.hasRoom }, logger: logger,
            onListening: { [listeners] address in listeners.bound(public: address.port ?? 0) })
    }
}
