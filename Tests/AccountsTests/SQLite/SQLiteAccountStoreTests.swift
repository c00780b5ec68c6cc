import Accounts
import Foundation
import GRDB
import Logging
import Testing

@Suite("SQLiteAccountStore")
struct SQLiteAccountStoreTests {
    let folder: TemporaryFolder
    let logger = Logger(label: "test")

    init() throws {
        self.folder = try TemporaryFolder()
    }

    @Test("keeps the contract of account stores")
    func contract() async throws {
        let path = self.folder.file()
        try await AccountStoreContract { try await SQLiteAccountStore.open(.init(path: path)) }.run()
    }

    @Test("its folder is made, and all its files are for their owner only")
    func modes() async throws {
        let path = self.folder.path + "/a/b/accounts.db"
        let store = try await SQLiteAccountStore.open(.init(path: path))
        try await store.add(Self.account("ada"))
        for file in [path, path + "-wal", path + "-shm", path + "-lock"] {
            #expect(try Self.mode(file) == 0o600, "\(file)")
        }
        #expect(try Self.mode(self.folder.path + "/a/b") == 0o700)
        #expect(try Self.mode(self.folder.path + "/a") == 0o700)
        try await store.check()
    }

    @Test("a file that others may read is closed to them when it is opened")
    func tightensMode() async throws {
        let path = self.folder.file()
        _ = try await SQLiteAccountStore.open(.init(path: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        _ = try await SQLiteAccountStore.open(.init(path: path))
        #expect(try Self.mode(path) == 0o600)
    }

    @Test("many openers of a new file all see one store")
    func racingOpeners() async throws {
        let path = self.folder.file()
        let identifiers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask { try await SQLiteAccountStore.open(.init(path: path)).id }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(identifiers.count == 1)
        #expect(try await SQLiteAccountStore.open(.init(path: self.folder.file("other.db"))).id != identifiers.first)
    }

    @Test("while another writer holds the file, login works and registering is unavailable within the time-out")
    func locked() async throws {
        let path = self.folder.file()
        var configuration = SQLiteAccountStore.Configuration(path: path)
        configuration.busyTimeout = .milliseconds(500)
        let store = try await SQLiteAccountStore.open(configuration)
        let accounts = Accounts(store: store, registration: .open, logger: self.logger)
        let ada = try await accounts.register(name: "ada", password: "correct horse")

        let other = try Self.connection(path)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        #expect(try await accounts.authenticate(name: "ada", password: "correct horse") == ada)
        #expect(try await accounts.authenticate(name: "ada", password: "wrong horse") == nil)
        let began = ContinuousClock.now
        // Ten at once wait no longer than one: they share the time-out, they do not queue for it.
        await withTaskGroup(of: AccountsError.Code?.self) { group in
            for number in 0..<10 {
                group.addTask {
                    // The store alone: hashes take as long as the machine is busy.
                    await Self.code { try await store.add(Self.account("b\(number)")) }
                }
            }
            for await code in group { #expect(code == .unavailable) }
        }
        #expect(ContinuousClock.now - began < .seconds(3))

        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        _ = try await accounts.register(name: "bob", password: "12345678")
    }

    @Test("a full file: login works, registering is unavailable, the file is whole, and room makes it work again")
    func full() async throws {
        let path = self.folder.file()
        var configuration = SQLiteAccountStore.Configuration(path: path)
        configuration.maximumBytes = 1 << 20
        let store = try await SQLiteAccountStore.open(configuration)
        let accounts = Accounts(store: store, logger: self.logger)
        let ada = try await accounts.add(name: "ada", password: "correct horse")

        var filler: [String] = []
        var code: AccountsError.Code?
        while code == nil, filler.count < 10_000 {
            let account = Self.account("filler\(filler.count)", hash: String(repeating: "x", count: 8_000))
            code = await Self.code { try await store.add(account) }
            if code == nil { filler.append(account.user.id) }
        }
        #expect(code == .unavailable)
        #expect(try await accounts.authenticate(name: "ada", password: "correct horse") == ada)
        try await store.check()
        #expect(try await store.accounts(after: nil, limit: 20_000).count == filler.count + 1)

        for id in filler.prefix(10) { #expect(try await store.remove(userID: id)) }
        _ = try await accounts.add(name: "bob", password: "12345678")
        #expect(try await SQLiteAccountStore.open(.init(path: path)).id == store.id)
    }

    @Test("a file that is something else is refused, and left as it is")
    func foreignFile() async throws {
        let path = self.folder.file()
        let content = Data(String(repeating: "this is not a database. ", count: 100).utf8)
        try content.write(to: URL(fileURLWithPath: path))
        #expect(await Self.code { try await SQLiteAccountStore.open(.init(path: path)) } == .invalidStore)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == content)
    }

    @Test("a file of a newer version is refused")
    func newerVersion() async throws {
        let path = self.folder.file()
        _ = try await SQLiteAccountStore.open(.init(path: path))
        try await Self.connection(path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('999')")
        }
        #expect(await Self.code { try await SQLiteAccountStore.open(.init(path: path)) } == .invalidStore)
    }

    @Test(
        "a path that cannot be a file is refused with its name",
        arguments: ["", "/dev/null", "/proc/nowhere/accounts.db", "/dev/null/accounts.db"])
    func badPath(path: String) async throws {
        #expect(await Self.code { try await SQLiteAccountStore.open(.init(path: path)) } == .invalidStore)
    }

    @Test("the address is sqlite: and a path; another one is refused without repeating what may be secret in it")
    func addresses() throws {
        #expect(try SQLiteAccountStore.Configuration(url: "sqlite:.rejoin/accounts.db").path == ".rejoin/accounts.db")
        #expect(try SQLiteAccountStore.Configuration(url: "sqlite:/var/a b.db").path == "/var/a b.db")
        for url in ["", "sqlite:", "accounts.db", "postgres://user:hunter2@host/db", "sqlite:a\0b"] {
            let error = #expect(throws: AccountsError.self) { try SQLiteAccountStore.Configuration(url: url) }
            #expect(error?.code == .invalidStore)
            #expect(error?.description.contains("hunter2") == false)
        }
    }

    @Test("a lookup that was cancelled is unavailable, and the store goes on")
    func cancelled() async throws {
        let store = try await SQLiteAccountStore.open(.init(path: self.folder.file()))
        let code = await withTaskGroup(of: AccountsError.Code?.self) { group in
            group.cancelAll()
            group.addTask { await Self.code { try await store.account(key: "ada") } }
            return await group.next() ?? nil
        }
        #expect(code == .unavailable)
        #expect(try await store.account(key: "ada") == nil)
    }

    private static func connection(_ path: String) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static func account(_ key: String, hash: String = "hash") -> Account {
        Account(user: User(id: "id-\(key)", name: key), key: key, passwordHash: hash, created: 0)
    }

    private static func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    /// The code of the error that `body` throws.
    private static func code<Value>(
        _ body: () async throws -> Value
    ) async -> AccountsError.Code? {
        do {
            _ = try await body()
        } catch let error as AccountsError {
            return error.code
        } catch {
            Issue.record(error)
        }
        return nil
    }
}
