import RedisClient

/// Why the session service could not do its work. It never says that somebody is not logged in: that is an answer.
public struct SessionError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error.
    public enum Code: Sendable, Equatable {
        /// Redis cannot serve at the moment: HTTP 503, on sockets `unavailable`.
        case unavailable
        /// Redis answered what nothing of ours would have written, or a script failed: HTTP 500, on sockets `internal`.
        case `internal`
        /// A setting is wrong; the message names it and what is expected.
        case invalidConfiguration
    }

    /// What kind of an error it is.
    public let code: Code
    /// What happened, for the log; no secret and no user text is in it.
    public let message: String
    /// What caused it, if something did.
    public let underlying: (any Error)?

    init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// What a failed command means to a session.
    init(_ error: RedisError) {
        self.init(error.isUnavailable ? .unavailable : .internal, error.message, underlying: error)
    }

    static func unexpectedReply(of script: String) -> SessionError {
        SessionError(.internal, "redis answered \(script) with an unexpected reply")
    }

    /// The code and the message.
    public var description: String { "\(self.code): \(self.message)" }
}
