/// Why a handshake or a polling request is refused, as Engine.IO's servers tell it: a JSON body with a code.
///
/// "Engine.IO v4, HTTP long-polling" and the reference server fix the codes and texts; clients compare them.
public struct EngineError: Error, Sendable, Equatable {
    /// The reference server's number, 0 to 5.
    public let code: Int
    /// The reference server's text for the code, or a reason of the application.
    public let message: String
    /// The HTTP status that carries it.
    public let status: Int
    /// Seconds after which another try makes sense; sent as `Retry-After`.
    public let retryAfter: Int?

    public init(code: Int, message: String, status: Int = 400, retryAfter: Int? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.retryAfter = retryAfter
    }

    /// The body of the answer.
    package var json: String {
        var text = "{\"code\":\(code),\"message\":\""
        for scalar in message.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\0"..<" ": text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\"}"
    }

    public static let unknownTransport = EngineError(code: 0, message: "Transport unknown")
    public static let unknownSession = EngineError(code: 1, message: "Session ID unknown")
    public static let badHandshakeMethod = EngineError(code: 2, message: "Bad handshake method")
    public static let badRequest = EngineError(code: 3, message: "Bad request")
    public static func forbidden(_ message: String = "Forbidden") -> EngineError {
        EngineError(code: 4, message: message, status: 403)
    }
    public static let unsupportedProtocol = EngineError(code: 5, message: "Unsupported protocol version")
    /// Nothing is wrong with the request; this node cannot take it at the moment.
    public static func unavailable(_ message: String, retryAfter: Int = 1) -> EngineError {
        EngineError(code: 3, message: message, status: 503, retryAfter: retryAfter)
    }
}
