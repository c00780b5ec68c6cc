import Logging
import TestSupport
import Testing

@testable import Accounts

@Suite("PostgresAccountStore", .serialized)
struct PostgresAccountStoreTests {
    let logger = Logger(label: "test")

    @Test("keeps the contract of account stores")
    func contract() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            let configuration = try PostgresConfiguration(url: server.url)
            try await AccountStoreContract { try await PostgresAccountStore.open(configuration, logger: logger) }.run()
        }
    }

    @Test("eight openers at once of an empty database all see one store; another database is another store")
    func racingOpeners() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            let configuration = try PostgresConfiguration(url: server.url)
            let identifiers = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await PostgresAccountStore.open(configuration, logger: logger).id }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(identifiers.count == 1)
            try await server.query("CREATE DATABASE other")
            let other = try PostgresConfiguration(url: server.url(password: server.password, database: "other"))
            #expect(try await PostgresAccountStore.open(other, logger: logger).id != identifiers.first)
        }
    }

    @Test("a crash of the server: unavailable within a second, and back by itself")
    func crash() async throws {
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in RecordingHandler { line in lines.change { $0.append(line) } } }
        try await withPostgresServer { server in
            let store = try await PostgresAccountStore.open(try .init(url: server.url), logger: logger)
            try await store.add(Self.account("ada"))
            try await server.stopImmediately()
            for _ in 0..<5 {
                let began = ContinuousClock.now
                #expect(await Self.code { try await store.account(key: "ada") } == .unavailable)
                #expect(await Self.code { try await store.add(Self.account("bob")) } == .unavailable)
                #expect(ContinuousClock.now - began < .seconds(2))
            }
            try await server.start()
            try await eventually { await Self.code { try await store.account(key: "ada") } == nil }
            #expect(try await store.account(key: "ada")?.user.name == "ada")
            try await store.add(Self.account("bob"))
            #expect(lines.value.filter { $0.contains("cannot be reached") }.count == 1)
            #expect(lines.value.filter { $0.contains("is back") }.count == 1)
            #expect(lines.value.allSatisfy { !$0.contains(server.password) })
        }
    }

    @Test("after a restart between two calls the second one does not notice")
    func restart() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            let store = try await PostgresAccountStore.open(try .init(url: server.url), logger: logger)
            try await store.add(Self.account("ada"))
            try await server.stopImmediately()
            try await server.start()
            try await store.add(Self.account("bob"))
            #expect(try await store.accounts(after: nil, limit: 9).map(\.key) == ["ada", "bob"])
        }
    }

    @Test("a server that does not answer: many calls at once are unavailable within a second, none is done afterwards")
    func frozen() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            var configuration = try PostgresConfiguration(url: server.url)
            configuration.connections = 2
            configuration.maximumWaiting = 8
            let store = try await PostgresAccountStore.open(configuration, logger: logger)
            try await store.add(Self.account("ada"))
            server.freeze()
            let began = ContinuousClock.now
            await withTaskGroup(of: AccountsError.Code?.self) { group in
                for number in 0..<20 {
                    group.addTask { await Self.code { try await store.add(Self.account("b\(number)")) } }
                }
                for await code in group { #expect(code == .unavailable) }
            }
            #expect(ContinuousClock.now - began < .seconds(2))
            server.thaw()
            try await eventually { await Self.code { try await store.account(key: "ada") } == nil }
            #expect(try await store.accounts(after: nil, limit: 9).map(\.key) == ["ada"])
        }
    }

    @Test("while somebody locks the table, login works, and a change is unavailable within a second and not done later")
    func locked() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            let configuration = try PostgresConfiguration(url: server.url)
            let store = try await PostgresAccountStore.open(configuration, logger: logger)
            try await store.add(Self.account("ada"))
            let holder = PostgresPool(configuration, session: .init(statementTimeout: .seconds(9)), logger: logger)
            let released = Locked(false)
            async let held: Void = holder.run(timeout: .seconds(30)) { connection throws(PostgresFailure) in
                try connection.transaction { () throws(PostgresFailure) in
                    try connection.execute("LOCK TABLE rejoin_account IN EXCLUSIVE MODE")
                    while !released.value { try connection.execute("SELECT pg_sleep(0.01)") }
                }
            }
            try await eventually {
                try await server.query(
                    "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation > 16000")
                    == "1"
            }
            let began = ContinuousClock.now
            #expect(await Self.code { try await store.add(Self.account("bob")) } == .unavailable)
            #expect(ContinuousClock.now - began < .seconds(1.5))
            #expect(try await store.account(key: "ada") != nil)
            released.change { $0 = true }
            try await held
            #expect(try await store.accounts(after: nil, limit: 9).map(\.key) == ["ada"])
        }
    }

    @Test("a wrong password, user or database is told at once, and never the password")
    func refused() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            for (url, told) in [
                (server.url(password: "c4nary@/"), "password authentication failed"),
                (server.url(user: "nobody", password: "c4nary@/"), "password authentication failed"),
                (server.url(password: server.password, database: "none"), "does not exist"),
                (server.url + "?sslmode=require", "does not support SSL"),
            ] {
                let began = ContinuousClock.now
                let error = await #expect(throws: AccountsError.self) {
                    try await PostgresAccountStore.open(try .init(url: url), logger: logger)
                }
                #expect(ContinuousClock.now - began < .seconds(5))
                #expect(error?.code == .invalidStore)
                let text = error.map { "\($0) \(String(reflecting: $0))" } ?? ""
                #expect(text.contains(told), "\(text)")
                #expect(!text.contains("c4nary") && !text.contains(server.password) && !text.contains("\n"), "\(text)")
            }
        }
    }

    @Test("TLS: a certificate of another authority, for another name, or none to check with, is refused")
    func tls() async throws {
        let logger = self.logger
        try await withPostgresServer(tls: true) { server in
            try await withPostgresServer(tls: true) { other in
                let verified = server.url + "?sslmode=verify-full&sslrootcert="
                let store = try await PostgresAccountStore.open(
                    try .init(url: verified + server.certificate), logger: logger)
                try await store.add(Self.account("ada"))
                #expect(try await server.query("SELECT bool_or(ssl) FROM pg_stat_ssl") == "t")
                let named = server.url.split(separator: "127.0.0.1").joined(separator: "localhost")
                for url in [
                    verified + other.certificate, verified + "/none/ca.pem",
                    named + "?sslmode=verify-full&sslrootcert=" + server.certificate,
                ] {
                    let error = await #expect(throws: AccountsError.self) {
                        try await PostgresAccountStore.open(try .init(url: url), logger: logger)
                    }
                    #expect(error?.code == .invalidStore)
                    #expect(error?.message.contains("certificate") == true)
                }
            }
        }
    }

    @Test("opening waits for a server that is not there yet, and no longer than it may")
    func opening() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            try await server.stopImmediately()
            var configuration = try PostgresConfiguration(url: server.url)
            configuration.openTimeout = .milliseconds(300)
            let impatient = configuration
            let code = await Self.code { try await PostgresAccountStore.open(impatient, logger: logger) }
            #expect(code == .unavailable)
            configuration.openTimeout = .seconds(30)
            let patient = configuration
            async let store = PostgresAccountStore.open(patient, logger: logger)
            try await server.start()
            #expect(try await store.accounts(after: nil, limit: 1).isEmpty)
        }
    }

    @Test("a user who may only read and write rows is enough once the tables are there; newer tables are refused")
    func rights() async throws {
        let logger = self.logger
        try await withPostgresServer { server in
            let store = try await PostgresAccountStore.open(try .init(url: server.url), logger: logger)
            try await server.query(
                """
                CREATE ROLE clerk LOGIN PASSWORD 'clerk';
                GRANT SELECT ON rejoin_schema, rejoin_store TO clerk;
                GRANT SELECT, INSERT, UPDATE, DELETE ON rejoin_account TO clerk
                """)
            let clerk = try PostgresConfiguration(url: server.url(user: "clerk", password: "clerk"))
            let same = try await PostgresAccountStore.open(clerk, logger: logger)
            #expect(same.id == store.id)
            try await same.add(Self.account("ada"))
            try await server.query("INSERT INTO rejoin_schema VALUES (99)")
            #expect(await Self.code { try await PostgresAccountStore.open(clerk, logger: logger) } == .invalidStore)
        }
    }

    private static func account(_ key: String) -> Account {
        Account(user: User(id: "id-\(key)", name: key), key: key, passwordHash: "hash", created: 0)
    }

    private static func code<Value>(
        _ body: () async throws -> Value
    ) async -> AccountsError.Code? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? AccountsError)?.code
        }
    }
}
