import HTTPTypes
import Hummingbird

/// `/healthz` and `/readyz`, for load balancers and supervisors.
struct HealthRoutes: Sendable {
    private let parts: NodeParts

    init(_ parts: NodeParts) {
        self.parts = parts
    }

    func add(to router: Router<some RequestContext>) {
        router.get("healthz") { _, _ in Self.text("alive\n") }
        router.get("readyz") { [parts] _, _ in
            if let reason = parts.unreadiness {
                Self.text(reason + "\n", status: .serviceUnavailable)
            } else {
                Self.text("ready\n")
            }
        }
    }

    private static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
