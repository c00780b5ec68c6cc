/// Why a JSON Web Token was not taken, or could not be judged at the moment.
public struct JSONWebTokenError: Error, Sendable, Equatable {
    /// What kind of failure it is.
    public enum Code: String, Sendable {
        /// The token is malformed, not signed by a known key, too old, too young, or for somebody else.
        case invalidToken
        /// The keys of the identity provider cannot be had at the moment.
        case unavailable
        /// Keys or settings that cannot be used.
        case invalidConfiguration
    }

    public let code: Code
    /// What was wrong and what is expected. No token is ever in it.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
