/// Why Redis did not do what it was asked.
public struct RedisError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// There is no connection, or it is suspect and commands fail fast; the command was not sent.
        case unavailable
        /// No answer within the time limit; whether the command was carried out is not known.
        case timeout
        /// The connection ended before the answer; whether the command was carried out is not known.
        case closed
        /// Redis answered with an error; the first word of it (`NOSCRIPT`, `READONLY`, `OOM`, `ERR` …).
        case server(String)
        /// What came was not RESP2, nested too deeply, too long, or an answer nobody asked for.
        case protocolViolation
        /// As many commands as allowed are queued or unanswered; the command was not sent.
        case overloaded
        /// The configuration cannot be used.
        case invalidConfiguration
    }

    public let code: Code
    /// What was wrong, for people. It never holds a password.
    public let message: String
    /// The error of a layer below, if that was the reason.
    public let underlying: (any Error)?

    public init(code: Code, message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// Whether Redis cannot serve at the moment, though it may later: there is no connection or no answer in time, or
    /// Redis says itself that it cannot (it loads, is a replica, is full, cannot persist, is busy with a script, does not hold the key …).
    ///
    /// False for what would fail again: an error of the command itself, refused credentials, a bad configuration.
    public var isUnavailable: Bool {
        switch self.code {
        case .unavailable, .timeout, .closed, .protocolViolation, .overloaded: true
        case .invalidConfiguration: false
        case .server(let word): Self.wordsOfUnavailability.contains(word)
        }
    }

    private static let wordsOfUnavailability: Set<String> = [
        "LOADING", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN",
        "MOVED", "ASK",
    ]

    public var description: String {
        let head =
            switch self.code {
            case .server(let word): "\(word) \(self.message)"
            default: "\(self.code): \(self.message)"
            }
        guard let underlying = self.underlying else { return head }
        return "\(head) (\(underlying))"
    }
}
