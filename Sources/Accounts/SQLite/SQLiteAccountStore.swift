import Dispatch
import GRDB
import Synchronization

/// Accounts in one SQLite file, for the nodes of one machine.
///
/// The file is in WAL mode: looking up goes on while something writes, also another process, and when the disk is
/// full. It and its folder are for their owner only.
public final class SQLiteAccountStore: AccountStore {
    public let id: String
    private let pool: DatabasePool
    private let configuration: Configuration
    private let waitingWrites = Mutex(0)

    private init(id: String, pool: DatabasePool, configuration: Configuration) {
        self.id = id
        self.pool = pool
        self.configuration = configuration
    }

    /// Opens the file; makes it when it is not there, and brings an older one up to date.
    ///
    /// - Throws: `invalidStore` when the file cannot be made or used; `unavailable` when it is locked or the disk is
    ///   full.
    public static func open(_ configuration: Configuration) async throws(AccountsError) -> SQLiteAccountStore {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<SQLiteAccountStore, AccountsError>, Never>) in
            // It waits for locks and for the disk: not on a thread that tasks run on.
            DispatchQueue.global().async {
                do throws(AccountsError) {
                    continuation.resume(returning: .success(try Self.openBlocking(configuration)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    public func account(key: String) async throws(AccountsError) -> Account? {
        try await self.read { database in
            try Row.fetchOne(
                database, sql: "SELECT id, key, name, hash, created FROM account WHERE key = ?", arguments: [key]
            ).map(Self.account)
        }
    }

    public func add(_ account: Account) async throws(AccountsError) {
        try await self.write { database in
            try database.execute(
                sql: "INSERT INTO account (id, key, name, hash, created) VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    account.user.id, account.key, account.user.name, account.passwordHash, account.created,
                ])
        }
    }

    public func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool {
        try await self.write { database in
            try database.execute(
                sql: "UPDATE account SET hash = ?1 WHERE id = ?2 AND (?3 IS NULL OR hash = ?3)",
                arguments: [hash, id, expected])
            return database.changesCount > 0
        }
    }

    public func remove(userID: String) async throws(AccountsError) -> Bool {
        try await self.write { database in
            try database.execute(sql: "DELETE FROM account WHERE id = ?", arguments: [userID])
            return database.changesCount > 0
        }
    }

    public func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account] {
        try await self.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT id, key, name, hash, created FROM account
                    WHERE ?1 IS NULL OR key > ?1 ORDER BY key LIMIT ?2
                    """,
                arguments: [after, max(0, limit)]
            ).map(Self.account)
        }
    }

    /// Reads the whole file and checks that it is in order; takes as long as reading it takes.
    ///
    /// - Throws: `invalidStore` with what is not in order; `unavailable`.
    public func check() async throws(AccountsError) {
        let finding = try await self.read { try String.fetchOne($0, sql: "PRAGMA quick_check(1)") }
        guard finding == "ok" else {
            throw AccountsError(
                .invalidStore,
                """
                the accounts file \(self.configuration.path) is damaged: \(finding ?? "no answer"); restore a copy of it
                """)
        }
    }

    private static func account(_ row: Row) -> Account {
        Account(
            user: User(id: row["id"], name: row["name"]), key: row["key"], passwordHash: row["hash"],
            created: row["created"])
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(AccountsError) -> Value {
        do {
            return try await self.pool.read(body)
        } catch {
            throw Self.runtimeError(error, self.configuration.path)
        }
    }

    private func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(AccountsError) -> Value {
        let maximum = self.configuration.maximumWaitingWrites
        let mayWait = self.waitingWrites.withLock { waiting in
            guard waiting < maximum else { return false }
            waiting += 1
            return true
        }
        guard mayWait else {
            throw AccountsError(.unavailable, "too many changes of accounts wait for the disk; try again in a second")
        }
        defer { self.waitingWrites.withLock { $0 -= 1 } }
        // Writes go one after the other: when the first of many waited in vain for a lock, the others do not wait anew.
        let deadline = ContinuousClock.now + self.configuration.busyTimeout
        do {
            return try await self.pool.writeWithoutTransaction { database in
                // Beginning is what waits for the lock.
                guard ContinuousClock.now < deadline else { throw DatabaseError(resultCode: .SQLITE_BUSY) }
                var value: Value?
                try database.inTransaction(.immediate) {
                    value = try body(database)
                    return .commit
                }
                guard let value else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
                return value
            }
        } catch {
            throw Self.runtimeError(error, self.configuration.path)
        }
    }
}

extension SQLiteAccountStore {
    private static func openBlocking(_ configuration: Configuration) throws(AccountsError) -> SQLiteAccountStore {
        let path = configuration.path
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw AccountsError(.invalidStore, "the path of the accounts file is empty; expected is the name of a file")
        }
        let file = SQLiteAccountFile(path: path)
        // Two processes that make or migrate one file at once would get in each other's way.
        return try file.exclusively(timeout: configuration.openTimeout) { () throws(AccountsError) in
            try file.prepare()
            do {
                let pool = try DatabasePool(path: path, configuration: Self.connections(configuration))
                // GRDB sets NORMAL with WAL, which a power failure may cost the last accounts.
                try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
                let migrator = Self.migrator
                guard try !pool.read(migrator.hasBeenSuperseded) else {
                    throw AccountsError(
                        .invalidStore, "the accounts file \(path) was written by a newer version; run that version")
                }
                try migrator.migrate(pool)
                guard let id = try pool.read({ try String.fetchOne($0, sql: "SELECT id FROM store") }) else {
                    throw AccountsError(
                        .invalidStore, "the accounts file \(path) has lost its identifier; restore a copy of it")
                }
                return SQLiteAccountStore(id: id, pool: pool, configuration: configuration)
            } catch let error as AccountsError {
                throw error
            } catch {
                throw Self.openError(error, path)
            }
        }
    }

    private static func connections(_ configuration: SQLiteAccountStore.Configuration) -> GRDB.Configuration {
        var connections = GRDB.Configuration()
        connections.label = "accounts"
        // A look-up takes microseconds and a hash of the password thousands of them.
        connections.maximumReaderCount = 2
        let milliseconds = max(0, Int(configuration.busyTimeout / .milliseconds(1)))
        let maximumBytes = max(1 << 20, configuration.maximumBytes)
        connections.busyMode = .timeout(Double(milliseconds) / 1000)
        connections.prepareDatabase { database in
            // GRDB gives readers a time-out of its own, 10 s.
            try database.execute(sql: "PRAGMA busy_timeout = \(milliseconds)")
            let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4096
            _ = try Int.fetchOne(database, sql: "PRAGMA max_page_count = \(maximumBytes / pageSize)")
        }
        return connections
    }

    private static func openError(_ error: any Error, _ path: String) -> AccountsError {
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_BUSY?, .SQLITE_LOCKED?, .SQLITE_FULL?, .SQLITE_IOERR?, .SQLITE_NOMEM?:
            return Self.runtimeError(error, path)
        case .SQLITE_NOTADB?, .SQLITE_CORRUPT?:
            return AccountsError(
                .invalidStore, "\(path) is not an accounts file, or is damaged; name another one, or restore a copy",
                underlying: error)
        default:
            return AccountsError(
                .invalidStore, "the accounts file \(path) cannot be opened; check the path and its owner",
                underlying: error)
        }
    }

    private static func runtimeError(_ error: any Error, _ path: String) -> AccountsError {
        guard let error = error as? DatabaseError else {
            return AccountsError(.unavailable, "the request was cancelled", underlying: error)
        }
        if error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            return AccountsError(.nameTaken, "this name is taken; choose another one")
        }
        let reason =
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: "another process is writing to it"
            case .SQLITE_FULL: "the disk, or what it may take of it, is full"
            case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: "it may not be written to"
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: "it is damaged"
            case .SQLITE_IOERR: "the disk reports an error"
            default: "SQLite reports an error"
            }
        return AccountsError(.unavailable, "the accounts file \(path): \(reason); try again later", underlying: error)
    }
}
