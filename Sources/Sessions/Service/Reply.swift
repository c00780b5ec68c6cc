public import NIOCore
public import SocketIO

/// Why a request of a client was not done: the codes that clients may rely on.
public enum ErrorCode: String, Sendable, CaseIterable {
    case badRequest = "bad_request"
    case invalidCredentials = "invalid_credentials"
    case loginRequired = "login_required"
    case forbidden
    case notJoined = "not_joined"
    case rejected
    case conflict
    case rateLimited = "rate_limited"
    case tooLarge = "too_large"
    case registrationClosed = "registration_closed"
    case nameTaken = "name_taken"
    case weakPassword = "weak_password"
    case unavailable
    case `internal`
}

/// A request that was not done: a code for programs, a text for people.
public struct RequestFailure: Error, Sendable, Equatable {
    public let code: ErrorCode
    /// What was wrong, what is expected, what to do.
    public let message: String
    /// When another try makes sense.
    public let retryAfter: Duration?

    public init(_ code: ErrorCode, _ message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    /// `{"ok":false,"error":CODE,"message":TEXT,"retryAfter"?:ms}`
    public var json: JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("ok", bool: false)
        writer.member("error", string: code.rawValue)
        writer.member("message", string: message)
        if let retryAfter {
            let (seconds, attoseconds) = retryAfter.components
            writer.member("retryAfter", int: Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
        }
        return writer.finish()
    }
}

/// What a request is answered with when it was done: `{"ok":true,…}`.
public struct Reply: Sendable {
    public let json: JSONBytes
    /// What the socket is told right after the acknowledgement, before anything else.
    package var event: (name: String, argument: JSONBytes)?

    /// - Parameter members: valid members of the object, with commas between them; may be empty.
    public init(members: ByteBuffer = ByteBuffer()) {
        var writer = JSONObjectWriter()
        writer.member("ok", bool: true)
        writer.members(raw: members)
        json = writer.finish()
    }

    package init(_ write: (inout JSONObjectWriter) -> Void) {
        var writer = JSONObjectWriter()
        writer.member("ok", bool: true)
        write(&writer)
        json = writer.finish()
    }
}
