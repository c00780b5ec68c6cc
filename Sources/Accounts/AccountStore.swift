/// What is kept of one account.
public struct Account: Sendable, Hashable {
    public let user: User
    /// The key of the name, see ``AccountName/key``. One account has it.
    public let key: String
    /// The password's hash, in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
    public let passwordHash: String
    /// When it was made: milliseconds since 1970.
    public let created: Int64

    public init(user: User, key: String, passwordHash: String, created: Int64) {
        self.user = user
        self.key = key
        self.passwordHash = passwordHash
        self.created = created
    }
}

/// Where accounts are kept.
///
/// Every method fails with `unavailable` when the store cannot serve at the moment, and leaves it as it was then; only
/// when the connection to a store is lost while a change is under way it may have been made, which the message says.
public protocol AccountStore: Sendable {
    /// A random identifier that the store carries from its first day: two nodes with one identifier see the same
    /// accounts.
    var id: String { get }

    /// The account whose name has that key.
    func account(key: String) async throws(AccountsError) -> Account?

    /// Keeps a new account. Throws `nameTaken` when there is one with that key.
    func add(_ account: Account) async throws(AccountsError)

    /// Replaces a user's password hash.
    ///
    /// - Parameter expected: when given, the hash is replaced only if it is still that one.
    /// - Returns: whether it was replaced; `false` also when there is no such user.
    func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool

    /// Removes a user's account. Returns whether there was one.
    func remove(userID: String) async throws(AccountsError) -> Bool

    /// At most `limit` accounts, ordered by the bytes of their key, those after the key `after`.
    func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account]
}
