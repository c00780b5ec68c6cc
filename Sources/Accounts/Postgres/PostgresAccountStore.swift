public import Logging

/// Accounts in a PostgreSQL database, for the nodes of many machines.
///
/// They are in tables of their own, `rejoin_account`, `rejoin_store` and `rejoin_schema`, in the first schema of the
/// user's search path.
public final class PostgresAccountStore: AccountStore {
    public let id: String
    private let pool: PostgresPool

    private init(id: String, pool: PostgresPool) {
        self.id = id
        self.pool = pool
    }

    /// Connects, makes the tables when they are not there, and brings older ones up to date.
    ///
    /// Waits for a server that does not answer yet, until `openTimeout`.
    ///
    /// - Parameter logger: told when the database goes away and when it is back.
    /// - Throws: `invalidStore` when PostgreSQL refuses user, password or database, or the tables cannot be made or
    ///   were made by a newer version; `unavailable`.
    public static func open(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws(AccountsError) -> PostgresAccountStore {
        let pool = PostgresPool(
            configuration, session: PostgresSession(statementTimeout: configuration.callTimeout * 0.8), logger: logger)
        let id = try await PostgresOpening(configuration).run(on: pool) { connection, time throws(PostgresFailure) in
            try PostgresSchema.prepare(connection, timeout: time)
        }
        return PostgresAccountStore(id: id, pool: pool)
    }

    public func account(key: String) async throws(AccountsError) -> Account? {
        try await self.read { connection throws(PostgresFailure) in
            try connection.execute(
                "SELECT id, key, name, hash, created FROM rejoin_account WHERE key = $1", [key]
            ).rows.first.flatMap(Self.account)
        }
    }

    public func add(_ account: Account) async throws(AccountsError) {
        _ = try await self.write { connection throws(PostgresFailure) in
            try connection.execute(
                "INSERT INTO rejoin_account (id, key, name, hash, created) VALUES ($1, $2, $3, $4, $5)",
                [account.user.id, account.key, account.user.name, account.passwordHash, "\(account.created)"])
        }
    }

    public func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool {
        try await self.write { connection throws(PostgresFailure) in
            try connection.execute(
                "UPDATE rejoin_account SET hash = $1 WHERE id = $2 AND ($3::text IS NULL OR hash = $3)",
                [hash, id, expected])
        }
    }

    public func remove(userID: String) async throws(AccountsError) -> Bool {
        try await self.write { connection throws(PostgresFailure) in
            try connection.execute("DELETE FROM rejoin_account WHERE id = $1", [userID])
        }
    }

    public func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account] {
        try await self.read { connection throws(PostgresFailure) in
            try connection.execute(
                """
                SELECT id, key, name, hash, created FROM rejoin_account
                WHERE $1::text IS NULL OR key > $1 ORDER BY key LIMIT $2
                """, [after, "\(max(0, limit))"]
            ).rows.compactMap(Self.account)
        }
    }

    /// All columns are NOT NULL.
    private static func account(_ row: [String?]) -> Account? {
        guard row.count == 5, let id = row[0], let key = row[1], let name = row[2], let hash = row[3],
            let created = row[4].flatMap(Int64.init)
        else { return nil }
        return Account(user: User(id: id, name: name), key: key, passwordHash: hash, created: created)
    }

    private func read<Value: Sendable>(
        _ work: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> Value
    ) async throws(AccountsError) -> Value {
        do throws(PostgresFailure) {
            return try await self.pool.run(isRepeatable: true, work)
        } catch {
            throw error.accountsError
        }
    }

    /// In a transaction, so that what its caller gave up is not done after all.
    ///
    /// - Returns: whether a row was changed.
    private func write(
        _ work: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> PostgresConnection.Result
    ) async throws(AccountsError) -> Bool {
        do throws(PostgresFailure) {
            return try await self.pool.run { connection throws(PostgresFailure) in
                try connection.transaction { () throws(PostgresFailure) in try work(connection).changed > 0 }
            }
        } catch {
            throw error.accountsError
        }
    }
}
