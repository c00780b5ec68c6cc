import NIOHTTP1

/// Which pages of other origins a browser lets read the engine's answers (Fetch, "CORS protocol").
///
/// It says nothing about who may open a session: that is the application's decision, by the `Origin` it is shown.
public enum EngineCORS: Sendable, Equatable {
    /// Only pages of the same origin.
    case none
    /// Pages of any origin, without cookies.
    case any
    /// Pages of exactly these origins, with cookies. An origin is spelled as browsers send it: in lower case, without the
    /// scheme's own port, such as `https://game.example`.
    case origins(Set<String>)

    /// How long a browser may remember the answer to a preflight, in seconds.
    private static let maximumAge = 600
    /// Longest list of header names that a preflight is allowed, in bytes.
    private static let maximumHeaderNames = 1_024

    /// The headers of an answer to a request.
    func headers(for request: HTTPRequestHead) -> [(name: String, value: String)] {
        switch self {
        case .none: return []
        case .any: return [("access-control-allow-origin", "*")]
        case .origins:
            var headers = [("vary", "Origin")]
            if let origin = allowedOrigin(request) {
                headers.append(("access-control-allow-origin", origin))
                headers.append(("access-control-allow-credentials", "true"))
            }
            return headers
        }
    }

    /// What the answer to an `OPTIONS` request has beside ``headers(for:)``.
    func preflightHeaders(for request: HTTPRequestHead) -> [(name: String, value: String)] {
        switch self {
        case .none: return []
        case .any: break
        case .origins: if allowedOrigin(request) == nil { return [] }
        }
        var headers = [
            ("access-control-allow-methods", "GET, POST, OPTIONS"),
            ("access-control-max-age", "\(Self.maximumAge)"),
        ]
        let names = request.headers["access-control-request-headers"].joined(separator: ", ")
        if !names.isEmpty, names.utf8.count <= Self.maximumHeaderNames, names.utf8.allSatisfy(Self.isInList) {
            headers.append(("access-control-allow-headers", names))
            headers.append(("vary", "Access-Control-Request-Headers"))
        }
        return headers
    }

    private func allowedOrigin(_ request: HTTPRequestHead) -> String? {
        guard case .origins(let allowed) = self else { return nil }
        let origins = request.headers["origin"]
        guard origins.count == 1, let origin = origins.first, allowed.contains(origin) else { return nil }
        return origin
    }

    /// Whether a byte belongs into a list of header names (RFC 9110, 5.6.1 and 5.6.2).
    private static func isInList(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~, ".utf8.contains(byte)
        }
    }
}
