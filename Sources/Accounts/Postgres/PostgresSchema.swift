/// The tables of a ``PostgresAccountStore``.
enum PostgresSchema {
    /// From the first version on. What was released is never changed, only followed by more.
    private static let migrations: [[(sql: String, parameters: @Sendable () -> [String])]] = [
        [
            ("CREATE TABLE rejoin_store (id text NOT NULL PRIMARY KEY)", { [] }),
            (
                """
                CREATE TABLE rejoin_account (
                    id text NOT NULL PRIMARY KEY,
                    key text COLLATE "C" NOT NULL UNIQUE,
                    name text NOT NULL,
                    hash text NOT NULL,
                    created bigint NOT NULL
                )
                """, { [] }
            ),
            ("INSERT INTO rejoin_store (id) VALUES ($1)", { [RandomIdentifier.make()] }),
        ]
    ]

    /// Any number, the same in every version: who makes or changes the tables holds this lock.
    private static let lock = "7236828513926341221"

    /// Brings the tables up to date, one process at a time, and reads the store's identifier.
    ///
    /// Tables that are up to date are only read: a user without the right to make tables is enough then.
    ///
    /// - Parameter timeout: how long to wait for another process, and for the tables.
    static func prepare(_ connection: PostgresConnection, timeout: Duration) throws(PostgresFailure) -> String {
        if try self.version(connection) != self.migrations.count {
            try connection.transaction { () throws(PostgresFailure) in
                try connection.execute(
                    "SELECT set_config('statement_timeout', $1, true)", ["\(max(1, Int(timeout / .milliseconds(1))))ms"]
                )
                try connection.execute("SELECT pg_advisory_xact_lock($1)", [self.lock])
                try self.migrate(connection)
            }
        }
        guard let id = try connection.execute("SELECT id FROM rejoin_store").rows.first?.first ?? nil else {
            throw PostgresFailure(.unfit, "its table rejoin_store has lost the identifier; restore a copy of it")
        }
        return id
    }

    private static func migrate(_ connection: PostgresConnection) throws(PostgresFailure) {
        var version = try self.version(connection)
        guard version <= self.migrations.count else {
            throw PostgresFailure(.unfit, "its tables were made by a newer version (\(version)); run that version")
        }
        if version == 0 {
            try connection.execute("CREATE TABLE rejoin_schema (version integer NOT NULL PRIMARY KEY)")
        }
        while version < self.migrations.count {
            for step in self.migrations[version] { try connection.execute(step.sql, step.parameters()) }
            version += 1
            try connection.execute("INSERT INTO rejoin_schema (version) VALUES ($1)", ["\(version)"])
        }
    }

    /// 0 when there are no tables.
    private static func version(_ connection: PostgresConnection) throws(PostgresFailure) -> Int {
        // Not to_regclass: it answers from a cache that does not see what others made while we waited for the lock.
        let tables = try connection.execute(
            "SELECT FROM pg_tables WHERE tablename = 'rejoin_schema' AND schemaname = ANY (current_schemas(false))")
        guard !tables.rows.isEmpty else { return 0 }
        let versions = try connection.execute("SELECT max(version) FROM rejoin_schema").rows
        return versions.first?.first.flatMap { $0.flatMap(Int.init) } ?? 0
    }
}
