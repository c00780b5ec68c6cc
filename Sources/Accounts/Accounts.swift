import FoundationEssentials
public import Logging

/// Name and password in, user out.
///
/// Passwords are hashed by Argon2id on a ``HashingPool`` of their own; accounts are kept in an ``AccountStore``. Any
/// task may call anything.
public final class Accounts: Sendable {
    /// Who may make accounts.
    public enum Registration: String, Sendable {
        /// Operators only.
        case closed
        /// Visitors too.
        case open
    }

    let store: any AccountStore
    private let registration: Registration
    private let passwordBytes: ClosedRange<Int>
    private let logger: Logger

    /// Where passwords are hashed; its statistics are for metrics.
    public let hashing: HashingPool

    /// - Parameters:
    ///   - store: where accounts are kept.
    ///   - hashing: where passwords are hashed; one for the process.
    ///   - registration: who may make accounts. Default: operators only.
    ///   - passwordBytes: how many bytes of UTF-8 a new password has; a longer one is never checked. Default: 8 to 256.
    ///   - logger: told what an operator should know. It never gets a password or a hash.
    public init(
        store: any AccountStore, hashing: HashingPool = HashingPool(), registration: Registration = .closed,
        passwordBytes: ClosedRange<Int> = 8...256, logger: Logger
    ) {
        self.store = store
        self.hashing = hashing
        self.registration = registration
        self.passwordBytes = passwordBytes
        self.logger = logger
    }

    /// The store's random identifier: nodes of one cluster must have the same.
    public var storeID: String { self.store.id }

    /// The user with that name and password; `nil` when there is no such user or the password is wrong.
    ///
    /// Which of the two it was cannot be told from the time it takes: for an unknown user a hash of the same cost is
    /// computed. A hash of weaker parameters is replaced when its password was right.
    ///
    /// - Throws: `unavailable` when the store cannot serve or too many passwords wait to be hashed; `unsupportedHash`
    ///   when the account's hash is not one of Argon2id.
    public func authenticate(name: String, password: String) async throws(AccountsError) -> User? {
        guard let password = Password(given: password, bytes: self.passwordBytes) else { return nil }
        let account = try await self.account(named: name)
        enum Outcome: Sendable {
            case refused
            case accepted
            case acceptedWeak(newHash: String)
        }
        let outcome = try await self.hashing.run { () throws(AccountsError) -> Outcome in
            guard let account else {
                _ = try PasswordHash.ofNobody.verify(password.bytes)
                return .refused
            }
            let hash: PasswordHash
            do throws(AccountsError) {
                hash = try PasswordHash(encoded: account.passwordHash)
            } catch {
                _ = try PasswordHash.ofNobody.verify(password.bytes)
                throw error
            }
            guard try hash.verify(password.bytes) else { return .refused }
            return hash.isWeak ? .acceptedWeak(newHash: try PasswordHash.make(password.bytes)) : .accepted
        }
        switch (outcome, account) {
        case (.accepted, let account?):
            return account.user
        case (.acceptedWeak(let newHash), let account?):
            await self.replaceWeakHash(of: account, with: newHash)
            return account.user
        default:
            return nil
        }
    }

    /// Makes an account for a visitor.
    ///
    /// - Throws: `registrationClosed`, `badName`, `weakPassword`, `nameTaken`, `readOnly`, `unavailable`.
    public func register(name: String, password: String) async throws(AccountsError) -> User {
        guard self.registration == .open else {
            throw AccountsError(.registrationClosed, "registration is closed here; ask the operator for an account")
        }
        return try await self.add(name: name, password: password)
    }

    /// Makes an account, as an operator does: registration may be closed.
    ///
    /// - Throws: `badName`, `weakPassword`, `nameTaken`, `readOnly`, `unavailable`.
    public func add(name: String, password: String) async throws(AccountsError) -> User {
        let name = try AccountName(name)
        let password = try Password(new: password, bytes: self.passwordBytes)
        // Most names that are taken are found before they cost a hash; the store decides about the rest.
        guard try await self.store.account(key: name.key) == nil else { throw Self.nameTaken }
        let hash = try await self.hash(password)
        let user = User(id: RandomIdentifier.make(), name: name.written)
        try await self.store.add(
            Account(user: user, key: name.key, passwordHash: hash, created: Self.millisecondsSince1970()))
        return user
    }

    /// Gives an account another password.
    ///
    /// - Returns: whose it is; their sessions are for the caller to end.
    /// - Throws: `weakPassword`, `notFound`, `readOnly`, `unavailable`.
    public func setPassword(name: String, password: String) async throws(AccountsError) -> User {
        let password = try Password(new: password, bytes: self.passwordBytes)
        guard let account = try await self.account(named: name) else { throw Self.notFound }
        let hash = try await self.hash(password)
        guard try await self.store.setPasswordHash(hash, ofUser: account.user.id, replacing: nil) else {
            throw Self.notFound
        }
        return account.user
    }

    /// Removes an account.
    ///
    /// - Returns: whose it was; their sessions are for the caller to end.
    /// - Throws: `notFound`, `readOnly`, `unavailable`.
    public func remove(name: String) async throws(AccountsError) -> User {
        guard let account = try await self.account(named: name),
            try await self.store.remove(userID: account.user.id)
        else { throw Self.notFound }
        return account.user
    }

    /// The user of that name; no password is checked.
    ///
    /// - Throws: `unavailable`.
    public func user(named name: String) async throws(AccountsError) -> User? {
        try await self.account(named: name)?.user
    }

    /// Users, ordered by the key of their name.
    ///
    /// - Parameters:
    ///   - name: those after this one. Default: from the first.
    ///   - limit: at most so many, 1 to 1,000. Default: 1,000.
    /// - Throws: `badName`, `readOnly` when only single users can be asked for, `unavailable`.
    public func list(after name: String? = nil, limit: Int = 1_000) async throws(AccountsError) -> [User] {
        var key: String?
        if let name { key = try AccountName(name).key }
        return try await self.store.accounts(after: key, limit: min(max(1, limit), 1_000)).map(\.user)
    }

    /// A name that no account can have is the name of nobody.
    private func account(named name: String) async throws(AccountsError) -> Account? {
        guard let name = try? AccountName(name) else { return nil }
        return try await self.store.account(key: name.key)
    }

    private func hash(_ password: Password) async throws(AccountsError) -> String {
        try await self.hashing.run { () throws(AccountsError) in try PasswordHash.make(password.bytes) }
    }

    /// A login does not depend on it: what fails is tried again at the next one.
    private func replaceWeakHash(of account: Account, with newHash: String) async {
        do throws(AccountsError) {
            // Only if it is still the one that was verified: the password may have been changed in the meantime.
            _ = try await self.store.setPasswordHash(
                newHash, ofUser: account.user.id, replacing: account.passwordHash)
        } catch {
            self.logger.warning(
                "password hash with weak parameters not replaced",
                metadata: ["user": "\(account.user.id)", "error": "\(error)"])
        }
    }

    private static var nameTaken: AccountsError {
        AccountsError(.nameTaken, "this name is taken; choose another one")
    }

    private static var notFound: AccountsError {
        AccountsError(.notFound, "there is no account of this name; `rejoin users list` shows all names")
    }

    private static func millisecondsSince1970() -> Int64 {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
