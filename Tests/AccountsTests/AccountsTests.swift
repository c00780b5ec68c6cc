import Foundation
import Logging
import Testing

@testable import Accounts

@Suite("Accounts")
struct AccountsTests {
    let folder: TemporaryFolder
    let store: SQLiteAccountStore
    let accounts: Accounts

    init() async throws {
        self.folder = try TemporaryFolder()
        self.store = try await SQLiteAccountStore.open(.init(path: self.folder.file()))
        self.accounts = Accounts(store: self.store, registration: .open, logger: Logger(label: "test"))
    }

    @Test("who registered logs in with their password, in any spelling of their name")
    func login() async throws {
        let ada = try await self.accounts.register(name: "Áda", password: "correct horse")
        #expect(ada.name == "Áda")
        #expect(ada.id.utf8.count == 16)
        let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        #expect(ada.id.allSatisfy(allowed.contains))
        #expect(try await self.accounts.authenticate(name: "Áda", password: "correct horse") == ada)
        #expect(try await self.accounts.authenticate(name: "A\u{301}DA", password: "correct horse") == ada)
        for (name, password) in [
            ("Áda", "correct hors"), ("Áda", "correct horse "), ("Áda", ""), ("ada", "correct horse"),
            ("", "correct horse"), ("Áda\u{200B}", "correct horse"), (" Áda", "correct horse"),
            ("Áda", String(repeating: "x", count: 257)), (String(repeating: "x", count: 100_000), "correct horse"),
        ] {
            #expect(try await self.accounts.authenticate(name: name, password: password) == nil)
        }
    }

    @Test("for a wrong password and for an unknown user one hash of one cost is computed, for one too long none")
    func dummyHash() async throws {
        _ = try await self.accounts.add(name: "ada", password: "correct horse")
        for name in ["ada", "nobody", "no\u{200B}body"] {
            for _ in 0..<5 {
                let before = self.accounts.hashing.statistics.completed
                let began = ContinuousClock.now
                #expect(try await self.accounts.authenticate(name: name, password: "wrong horse") == nil)
                // Nothing fills 19 MiB twice in less.
                #expect(ContinuousClock.now - began > .milliseconds(3))
                #expect(self.accounts.hashing.statistics.completed == before + 1)
            }
        }
        let before = self.accounts.hashing.statistics.completed
        let long = String(repeating: "x", count: 257)
        #expect(try await self.accounts.authenticate(name: "ada", password: long) == nil)
        #expect(self.accounts.hashing.statistics.completed == before)
    }

    @Test("a password has 8 to 256 bytes, whatever characters they are", arguments: ["register", "change"])
    func passwordLength(operation: String) async throws {
        _ = try await self.accounts.add(name: "ada", password: "correct horse")
        func set(_ password: String) async throws(AccountsError) {
            if operation == "register" {
                _ = try await self.accounts.register(name: "user \(password.utf8.count)", password: password)
            } else {
                _ = try await self.accounts.setPassword(name: "ada", password: password)
            }
        }
        for password in ["", "1234567", String(repeating: "x", count: 257), String(repeating: "é", count: 129)] {
            let before = self.accounts.hashing.statistics.completed
            let error = await #expect(throws: AccountsError.self) { try await set(password) }
            #expect(error?.code == .weakPassword)
            #expect(self.accounts.hashing.statistics.completed == before)
        }
        for password in ["12345678", String(repeating: "x", count: 256), "ééé é"] { try await set(password) }
    }

    @Test("how many bytes a password has is for the operator to say")
    func passwordBytes() async throws {
        let accounts = Accounts(store: self.store, passwordBytes: 4...300, logger: Logger(label: "test"))
        let longest = String(repeating: "x", count: 300)
        for (name, password) in [("ada", "1234"), ("bob", longest)] {
            let user = try await accounts.add(name: name, password: password)
            #expect(try await accounts.authenticate(name: name, password: password) == user)
        }
        #expect(try await accounts.authenticate(name: "bob", password: longest + "x") == nil)
        for password in ["123", longest + "x"] {
            let error = await #expect(throws: AccountsError.self) {
                try await accounts.setPassword(name: "ada", password: password)
            }
            #expect(error?.code == .weakPassword)
            #expect(error?.message.contains("4 to 300") == true)
        }
    }

    @Test("case twins and accent twins of a taken name are taken")
    func nameTaken() async throws {
        _ = try await self.accounts.register(name: "Renée", password: "correct horse")
        for name in ["Renée", "renée", "RENE\u{301}E"] {
            let error = await #expect(throws: AccountsError.self) {
                try await self.accounts.register(name: name, password: "another password")
            }
            #expect(error?.code == .nameTaken)
        }
        #expect(try await self.accounts.list().count == 1)
    }

    @Test("when registration is closed, an operator still makes accounts")
    func registrationClosed() async throws {
        let accounts = Accounts(store: self.store, logger: Logger(label: "test"))
        let error = await #expect(throws: AccountsError.self) {
            try await accounts.register(name: "ada", password: "correct horse")
        }
        #expect(error?.code == .registrationClosed)
        _ = try await accounts.add(name: "ada", password: "correct horse")
    }

    @Test("after a change only the new password counts, and the user is the same")
    func setPassword() async throws {
        let ada = try await self.accounts.add(name: "ada", password: "correct horse")
        #expect(try await self.accounts.setPassword(name: "ADA", password: "battery staple") == ada)
        #expect(try await self.accounts.authenticate(name: "ada", password: "correct horse") == nil)
        #expect(try await self.accounts.authenticate(name: "ada", password: "battery staple") == ada)
        let error = await #expect(throws: AccountsError.self) {
            try await self.accounts.setPassword(name: "nobody", password: "battery staple")
        }
        #expect(error?.code == .notFound)
    }

    @Test("a removed user is gone, and the next one of that name is somebody else")
    func remove() async throws {
        let ada = try await self.accounts.add(name: "ada", password: "correct horse")
        #expect(try await self.accounts.user(named: "ADA") == ada)
        #expect(try await self.accounts.remove(name: "Ada") == ada)
        #expect(try await self.accounts.user(named: "ada") == nil)
        #expect(try await self.accounts.authenticate(name: "ada", password: "correct horse") == nil)
        let error = await #expect(throws: AccountsError.self) { try await self.accounts.remove(name: "ada") }
        #expect(error?.code == .notFound)
        #expect(try await self.accounts.add(name: "ada", password: "correct horse").id != ada.id)
    }

    @Test("users are listed a page at a time")
    func list() async throws {
        for name in ["Cleo", "ada", "Bob"] { _ = try await self.accounts.add(name: name, password: "12345678") }
        #expect(try await self.accounts.list().map(\.name) == ["ada", "Bob", "Cleo"])
        #expect(try await self.accounts.list(limit: 2).map(\.name) == ["ada", "Bob"])
        #expect(try await self.accounts.list(after: "BOB", limit: 2).map(\.name) == ["Cleo"])
    }

    @Test("a weak hash is replaced at the next login, once, and not after a wrong password")
    func rehash() async throws {
        let weak = try await self.addWithHash(of: "correct horse", cost: .init(memory: 64, iterations: 1))
        #expect(try await self.accounts.authenticate(name: "ada", password: "wrong horse") == nil)
        #expect(try await self.hash() == weak)

        #expect(try await self.accounts.authenticate(name: "ada", password: "correct horse") != nil)
        let strong = try #require(try await self.hash())
        #expect(strong.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))

        #expect(try await self.accounts.authenticate(name: "ada", password: "correct horse") != nil)
        #expect(try await self.hash() == strong)
    }

    @Test("hashes that are weak, or that nothing can be checked against, are counted")
    func survey() async throws {
        #expect(try await self.accounts.surveyHashes() == PasswordHashSurvey(accounts: 0, weak: 0, unusable: 0))
        _ = try await self.addWithHash(of: "correct horse", cost: .init(memory: 64, iterations: 1))
        _ = try await self.accounts.add(name: "today", password: "correct horse")
        try await self.store.add(
            Account(user: User(id: "3", name: "old"), key: "old", passwordHash: "$2b$10$x", created: 0))
        #expect(try await self.accounts.surveyHashes() == PasswordHashSurvey(accounts: 3, weak: 1, unusable: 1))
    }

    @Test("when a weak hash cannot be replaced, the login works all the same")
    func rehashFails() async throws {
        _ = try await self.addWithHash(of: "correct horse", cost: .init(memory: 64, iterations: 1))
        let accounts = Accounts(store: ReadOnlyStore(store: self.store), logger: Logger(label: "test"))
        #expect(try await accounts.authenticate(name: "ada", password: "correct horse")?.name == "ada")
    }

    @Test("a password that was changed during a login is not changed back by a better hash of the old one")
    func rehashRace() async throws {
        _ = try await self.addWithHash(of: "correct horse", cost: .init(memory: 64, iterations: 1))
        let racing = RacingStore(store: self.store)
        let accounts = Accounts(store: racing, logger: Logger(label: "test"))
        _ = try await accounts.authenticate(name: "ada", password: "correct horse")
        #expect(try await self.hash() == RacingStore.newHash)
    }

    @Test(
        "a hash of another scheme is refused with its name, after a hash's time",
        arguments: [("$2b$12$abcdefghijklmnopqrstuv", "bcrypt"), ("$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA", "scrypt")])
    func foreignHash(hash: String, scheme: String) async throws {
        try await self.store.add(
            Account(user: User(id: "id", name: "ada"), key: "ada", passwordHash: hash, created: 0))
        let error = await #expect(throws: AccountsError.self) {
            try await self.accounts.authenticate(name: "ada", password: "correct horse")
        }
        #expect(error?.code == .unsupportedHash)
        #expect(error?.message.contains(scheme) == true)
        #expect(self.accounts.hashing.statistics.completed == 1)
    }

    @Test("two hundred logins at once: as many as fit are served, the others are told so at once")
    func storm() async throws {
        let pool = HashingPool(threads: 2, maximumWaiting: 4)
        let accounts = Accounts(store: self.store, hashing: pool, logger: Logger(label: "test"))
        _ = try await accounts.add(name: "ada", password: "correct horse")
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    do throws(AccountsError) {
                        return try await accounts.authenticate(name: "ada", password: "correct horse")?.name ?? "nobody"
                    } catch {
                        return error.code.rawValue
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(Set(outcomes.keys) == ["ada", "unavailable"])
        #expect(outcomes["ada", default: 0] >= 6)
        #expect(pool.statistics.refused == outcomes["unavailable"])
    }

    @Test("neither errors nor the log nor the file have a password in them")
    func canary() async throws {
        let lines = Locked<[String]>([])
        let logger = Logger(label: "test") { _ in RecordingHandler { line in lines.change { $0.append(line) } } }
        _ = try await self.addWithHash(of: "canary-8c1f", cost: .init(memory: 64, iterations: 1))
        let accounts = Accounts(store: ReadOnlyStore(store: self.store), registration: .open, logger: logger)
        #expect(try await accounts.authenticate(name: "ada", password: "canary-8c1f") != nil)
        let error = await #expect(throws: AccountsError.self) {
            try await accounts.register(name: "bob", password: "canary-8c1f")
        }
        let told = try #require(error)
        let all = lines.value + [String(describing: told), String(reflecting: told)]
        #expect(all.count > 2)
        #expect(all.allSatisfy { !$0.contains("canary") && !$0.contains("$argon2id$") })
        for file in ["accounts.db", "accounts.db-wal"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: self.folder.file(file)))
            #expect(data.range(of: Data("canary".utf8)) == nil)
        }
    }

    private func addWithHash(of password: String, cost: PasswordHash.Cost) async throws -> String {
        let hash = try PasswordHash.make(Array(password.utf8), cost: cost)
        try await self.store.add(
            Account(user: User(id: "id", name: "ada"), key: "ada", passwordHash: hash, created: 0))
        return hash
    }

    private func hash() async throws -> String? {
        try await self.store.account(key: "ada")?.passwordHash
    }
}
