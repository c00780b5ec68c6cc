import Accounts
import Logging

/// A store that can only be read, as on a full disk.
struct ReadOnlyStore: AccountStore {
    let store: any AccountStore

    var id: String { self.store.id }

    func account(key: String) async throws(AccountsError) -> Account? { try await self.store.account(key: key) }
    func add(_ account: Account) async throws(AccountsError) { throw Self.full }
    func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool {
        throw Self.full
    }
    func remove(userID: String) async throws(AccountsError) -> Bool { throw Self.full }
    func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account] {
        try await self.store.accounts(after: after, limit: limit)
    }

    private static let full = AccountsError(.unavailable, "the disk is full")
}

/// A store whose passwords are changed by somebody else just before each change that comes through it.
struct RacingStore: AccountStore {
    static let newHash = "the hash that somebody else set"

    let store: any AccountStore

    var id: String { self.store.id }

    func account(key: String) async throws(AccountsError) -> Account? { try await self.store.account(key: key) }
    func add(_ account: Account) async throws(AccountsError) { try await self.store.add(account) }
    func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool {
        _ = try await self.store.setPasswordHash(Self.newHash, ofUser: id, replacing: nil)
        return try await self.store.setPasswordHash(hash, ofUser: id, replacing: expected)
    }
    func remove(userID: String) async throws(AccountsError) -> Bool { try await self.store.remove(userID: userID) }
    func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account] {
        try await self.store.accounts(after: after, limit: limit)
    }
}

/// Gives every line to a closure, with all its metadata.
struct RecordingHandler: LogHandler {
    let record: @Sendable (String) -> Void
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    init(record: @escaping @Sendable (String) -> Void) {
        self.record = record
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.record("\(event.level) \(event.message) \(event.metadata ?? [:])")
    }
}
