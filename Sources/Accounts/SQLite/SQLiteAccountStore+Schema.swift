import GRDB

extension SQLiteAccountStore {
    /// The schema, from the first version on. What was released is never changed, only followed by more.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE store (
                        id TEXT NOT NULL PRIMARY KEY
                    ) STRICT;
                    CREATE TABLE account (
                        id TEXT NOT NULL PRIMARY KEY,
                        key TEXT NOT NULL UNIQUE,
                        name TEXT NOT NULL,
                        hash TEXT NOT NULL,
                        created INTEGER NOT NULL
                    ) STRICT;
                    """)
            try database.execute(sql: "INSERT INTO store (id) VALUES (?)", arguments: [RandomIdentifier.make()])
        }
        return migrator
    }
}
