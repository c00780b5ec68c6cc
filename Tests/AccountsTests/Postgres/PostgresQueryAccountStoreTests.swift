import Logging
import TestSupport
import Testing

@testable import Accounts

@Suite("PostgresQueryAccountStore", .serialized)
struct PostgresQueryAccountStoreTests {
    static let query = "SELECT id, login, secret FROM users WHERE lower(login) = $1 AND NOT blocked -- existing\n;"
    let logger = Logger(label: "test")

    @Test("users of another program's table log in by its query, in any spelling of their name")
    func login() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            try await Self.makeTable(server)
            let accounts = Accounts(store: try await Self.open(server, Self.query, logger), logger: logger)
            let ada = try #require(try await accounts.authenticate(name: "ADA", password: "correct horse"))
            #expect(ada == User(id: "7", name: "Ada"))
            #expect(try await accounts.authenticate(name: "ada", password: "wrong horse") == nil)
            #expect(try await accounts.authenticate(name: "nobody", password: "correct horse") == nil)
            #expect(try await accounts.authenticate(name: "' OR 1=1 --", password: "correct horse") == nil)
            // Blocked, and without a password.
            #expect(try await accounts.authenticate(name: "bob", password: "correct horse") == nil)
            #expect(try await accounts.authenticate(name: "cleo", password: "correct horse") == nil)
        }
    }

    @Test("nothing is made, changed or listed, and a weak hash stays without a complaint")
    func readOnly() async throws {
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in RecordingHandler { line in lines.change { $0.append(line) } } }
        try await withPostgresServer { server in
            let weak = try PasswordHash.make(Array("correct horse".utf8), cost: .init(memory: 64, iterations: 1))
            try await Self.makeTable(server, hash: weak)
            let accounts = Accounts(
                store: try await Self.open(server, Self.query, logger), registration: .open, logger: logger)
            #expect(try await accounts.authenticate(name: "ada", password: "correct horse") != nil)
            #expect(lines.value.isEmpty)
            for operation: () async throws -> Void in [
                { _ = try await accounts.register(name: "dora", password: "correct horse") },
                { _ = try await accounts.setPassword(name: "ada", password: "battery staple") },
                { _ = try await accounts.remove(name: "ada") },
                { _ = try await accounts.list() },
            ] {
                let error = await #expect(throws: AccountsError.self) { try await operation() }
                #expect(error?.code == .readOnly)
                #expect(error?.message.contains("another program") == true)
            }
            #expect(try await server.query("SELECT count(*), max(secret) FROM users WHERE id = 7") == "1|\(weak)")
        }
    }

    @Test("the same query of the same database is the same store, another query is another one")
    func identifier() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            try await Self.makeTable(server)
            let id = try await Self.open(server, Self.query, logger).id
            #expect(id.utf8.count == 16)
            #expect(try await Self.open(server, Self.query, logger).id == id)
            #expect(
                try await Self.open(server, "SELECT id, login, secret FROM users WHERE login = $1", logger).id != id)
        }
    }

    @Test("a query that is none, that changes something, or that does not give id, name and hash is refused")
    func refused() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            try await Self.makeTable(server)
            for query in [
                "SELEKT 1", "SELECT 1, 2, 3", "SELECT id, login FROM users WHERE login = $1",
                "SELECT id, login, secret FROM users WHERE login = $1 AND secret = $2",
                "SELECT id, login, secret FROM nothing WHERE login = $1",
                "WITH gone AS (DELETE FROM users RETURNING *) SELECT id, login, secret FROM gone WHERE login = $1",
                "SELECT id, login, secret FROM users WHERE login = $1); DELETE FROM users; --",
            ] {
                let error = await #expect(throws: AccountsError.self) { try await Self.open(server, query, logger) }
                #expect(error?.code == .invalidStore, "\(query): \(error as Any)")
                #expect(error?.message.contains("query") == true)
            }
            #expect(try await server.query("SELECT count(*) FROM users") == "3")
        }
    }

    @Test("a row that cannot be a user's, or a second one, is refused")
    func oddRows() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            for query in [
                "SELECT 'a b', $1::text, 'x'", "SELECT 'a', $1::text || E'\\u0007', 'x'",
                "SELECT 'a', 'b', 'x' FROM generate_series(1, 3) WHERE $1::text IS NOT NULL",
            ] {
                let store = try await Self.open(server, query, logger)
                let error = await #expect(throws: AccountsError.self) { try await store.account(key: "ada") }
                #expect(error?.code == .invalidStore)
            }
        }
    }

    private static func open(
        _ server: PostgresServer, _ query: String, _ logger: Logger
    ) async throws -> PostgresQueryAccountStore {
        try await PostgresQueryAccountStore.open(try .init(url: server.url), query: query, logger: logger)
    }

    private static func makeTable(_ server: PostgresServer, hash: String? = nil) async throws {
        let hash = try hash ?? PasswordHash.make(Array("correct horse".utf8))
        try await server.query(
            """
            CREATE TABLE users (id int PRIMARY KEY, login varchar(40), secret text, blocked boolean);
            INSERT INTO users VALUES (7, 'Ada', '\(hash)', false), (8, 'Bob', '\(hash)', true),
                (9, 'Cleo', NULL, false)
            """)
    }
}
