/// Why an account could not be looked up, made or changed.
///
/// A wrong name or password is not an error: see ``Accounts/authenticate(name:password:)``. Neither message nor
/// description ever has a password in it.
public struct AccountsError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, Hashable {
        /// A name that no account can have.
        case badName
        /// A password that is too short or too long.
        case weakPassword
        /// There is an account of that name, or of one that differs only in case or in how it is encoded.
        case nameTaken
        /// There is no account of that name.
        case notFound
        /// Visitors may not register.
        case registrationClosed
        /// Accounts are kept by another program, and only looked up here.
        case readOnly
        /// The store cannot serve at the moment, or too many passwords wait to be hashed. Try again.
        case unavailable
        /// The stored hash was not made by Argon2id, or at a cost that this program refuses.
        case unsupportedHash
        /// The store cannot serve until somebody mends it: a wrong address, a file that is no account store.
        case invalidStore
    }

    public let code: Code
    /// What was wrong, what is expected, and what to do.
    public let message: String
    public let underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String {
        guard let underlying = self.underlying else { return self.message }
        return "\(self.message) (\(underlying))"
    }
}
