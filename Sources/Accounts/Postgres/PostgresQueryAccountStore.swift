public import Logging

/// Accounts of another program, in its own PostgreSQL table: looked up by a query, never made or changed.
///
/// The query has one parameter, `$1`, the key of a name (``AccountName/key``: lower case), and gives id, name and hash
/// of at most one user, in this order, whatever the columns are called:
///
///     SELECT id, login, password FROM users WHERE lower(login) = $1 AND NOT blocked
///
/// An id has 1 to 64 letters, digits, `-`, `_` and `.`; a name is as ``AccountName`` has it; a hash is one of Argon2id,
/// or NULL for somebody who cannot log in by password.
public final class PostgresQueryAccountStore: AccountStore {
    /// The same for every node that asks the same database the same query.
    public let id: String
    private let pool: PostgresPool
    private let query: String

    private init(id: String, pool: PostgresPool, query: String) {
        self.id = id
        self.pool = pool
        self.query = query
    }

    /// Connects, and tries the query.
    ///
    /// - Parameters:
    ///   - query: one SELECT; a semicolon at its end does no harm.
    ///   - logger: told when the database goes away and when it is back.
    /// - Throws: `invalidStore` when PostgreSQL refuses the connection or the query; `unavailable`.
    public static func open(
        _ configuration: PostgresConfiguration, query: String, logger: Logger
    ) async throws(AccountsError) -> PostgresQueryAccountStore {
        let session = PostgresSession(statementTimeout: configuration.callTimeout * 0.8, isReadOnly: true)
        let pool = PostgresPool(configuration, session: session, logger: logger)
        let bounded = self.bounded(query)
        let id = try await PostgresOpening(configuration).run(on: pool) { connection, _ throws(PostgresFailure) in
            try self.attempt(bounded, on: connection)
            return try self.identifier(bounded, on: connection)
        }
        return PostgresQueryAccountStore(id: id, pool: pool, query: bounded)
    }

    public func account(key: String) async throws(AccountsError) -> Account? {
        let query = self.query
        let rows: [[String?]]
        do throws(PostgresFailure) {
            rows = try await self.pool.run(isRepeatable: true) { connection throws(PostgresFailure) in
                try connection.execute(query, [key]).rows
            }
        } catch {
            throw error.accountsError
        }
        guard rows.count < 2 else { throw Self.invalid("more than one user for a name") }
        // Without a hash nobody logs in by password.
        guard let row = rows.first, row.count == 3, let hash = row[2] else { return nil }
        guard let id = row[0], (1...64).contains(id.utf8.count), id.utf8.allSatisfy(Self.isOfIdentifier) else {
            throw Self.invalid("an id that is not 1 to 64 letters, digits, - _ or .")
        }
        guard let text = row[1], let name = try? AccountName(text) else {
            throw Self.invalid("a name that is empty, too long, or has what cannot be seen in it")
        }
        return Account(user: User(id: id, name: name.written), key: key, passwordHash: hash, created: 0)
    }

    public func add(_ account: Account) async throws(AccountsError) { throw Self.readOnly }

    /// Throws `readOnly`; but a weak hash that would be replaced (`expected` is given) is silently left as it is.
    public func setPasswordHash(
        _ hash: String, ofUser id: String, replacing expected: String?
    ) async throws(AccountsError) -> Bool {
        guard expected != nil else { throw Self.readOnly }
        return false
    }

    public func remove(userID: String) async throws(AccountsError) -> Bool { throw Self.readOnly }

    public func accounts(after: String?, limit: Int) async throws(AccountsError) -> [Account] { throw Self.readOnly }

    /// Two rows tell that there is more than one.
    private static func bounded(_ query: String) -> String {
        let end = query.reversed().drop { $0.isWhitespace || $0 == ";" }
        // A comment may be what the query ends with.
        return "SELECT * FROM (\(String(end.reversed()))\n) AS account LIMIT 2"
    }

    /// Nobody has an empty name; what matters is that the query is understood and gives three columns.
    private static func attempt(_ query: String, on connection: PostgresConnection) throws(PostgresFailure) {
        let result: PostgresConnection.Result
        do throws(PostgresFailure) {
            result = try connection.execute(query, [""])
        } catch {
            guard case .refused(let state) = error.kind, error.needsMending || state == "25006" || state == "08P01"
            else {
                throw error
            }
            throw PostgresFailure(
                .unfit,
                "the query for accounts is refused: \(error.message); expected is a SELECT with one parameter, $1")
        }
        guard result.columns == 3 else {
            throw PostgresFailure(
                .unfit, "the query for accounts gives \(result.columns) columns; expected are id, name and hash")
        }
    }

    private static func identifier(
        _ query: String, on connection: PostgresConnection
    ) throws(PostgresFailure) -> String {
        let rows = try connection.execute(
            """
            SELECT left(encode(sha256(convert_to(concat_ws('/',
                (SELECT system_identifier FROM pg_control_system()),
                (SELECT oid FROM pg_database WHERE datname = current_database()), $1::text), 'UTF8')), 'hex'), 16)
            """, [query]
        ).rows
        guard let id = rows.first?.first ?? nil else { throw PostgresFailure(.unfit, "it tells no identifier") }
        return id
    }

    private static func isOfIdentifier(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "-_.".utf8.contains(byte)
    }

    private static func invalid(_ what: String) -> AccountsError {
        AccountsError(.invalidStore, "the query for accounts gives \(what); change the query or the table")
    }

    private static var readOnly: AccountsError {
        AccountsError(
            .readOnly,
            "accounts are kept by another program and only looked up here (accounts.query); make and change them there")
    }
}
