import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import PrometheusMetrics

/// The admin listener: health, metrics and the admin API, for operators only.
struct AdminListener: Sendable {
    private let parts: NodeParts
    private let metrics: PrometheusRegistry?
    private let listeners: NodeListeners

    init(_ parts: NodeParts, metrics: PrometheusRegistry?, listeners: NodeListeners) {
        self.parts = parts
        self.metrics = metrics
        self.listeners = listeners
    }

    func application(_ logger: Logger) -> some ApplicationProtocol {
        let router = Router(context: VisitorContext.self)
        router.add(middleware: ErrorAnswers())
        router.add(middleware: AdminAPI(parts))
        HealthRoutes(parts).add(to: router)
        if let metrics {
            router.get("metrics") { _, _ in
                Response(
                    status: .ok, headers: [.contentType: PrometheusRegistry.contentType],
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: metrics.exposition())))
            }
        }
        let node = parts.configuration.node
        let connections = AdminConnectionCount()
        var configuration = ApplicationConfiguration(
            address: .hostname(node.adminHost, port: node.adminPort), serverName: nil)
        configuration.availableConnectionsDelegate = AdminConnectionBudget()
        return Application(
            router: router,
            server: .http1(configuration: .init(additionalChannelHandlers: [AdminConnectionTimer(connections)])),
            configuration: configuration,
            onServerRunning: { [listeners] channel in listeners.bound(admin: channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(parts.group), logger: logger)
    }
}
