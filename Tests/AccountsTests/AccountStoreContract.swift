import Accounts
import Testing

/// What every account store promises; each backend runs it on stores of its own.
///
/// `open` is called with the same place each time: a second store must see what the first one keeps.
struct AccountStoreContract {
    let open: @Sendable () async throws -> any AccountStore

    func run() async throws {
        try await self.emptyStoreHasNobody()
        try await self.whatIsAddedIsFound()
        try await self.oneKeyIsOneAccount()
        try await self.hashIsReplaced()
        try await self.listIsOrderedAndPaged()
        try await self.racingAddsHaveOneWinner()
        try await self.removedIsGone()
        try await self.identifierIsTheStores()
    }

    private func account(_ key: String, hash: String = "hash", name: String? = nil) -> Account {
        Account(
            user: User(id: "id-\(name ?? key)", name: name ?? key), key: key, passwordHash: hash,
            created: 1_700_000_000_123)
    }

    private func emptyStoreHasNobody() async throws {
        let store = try await self.open()
        #expect(try await store.account(key: "nobody") == nil)
        #expect(try await store.accounts(after: nil, limit: 10).isEmpty)
        #expect(try await store.remove(userID: "nobody") == false)
        #expect(try await store.setPasswordHash("x", ofUser: "nobody", replacing: nil) == false)
        #expect(!store.id.isEmpty)
    }

    private func whatIsAddedIsFound() async throws {
        let store = try await self.open()
        let ada = self.account("ada", name: "Ada ☂ 'Love\"lace; --")
        try await store.add(ada)
        #expect(try await store.account(key: "ada") == ada)
        #expect(try await self.open().account(key: "ada") == ada)
        // Keys are bytes: neither case nor canonical equivalence is looked at.
        try await store.add(self.account("é"))
        #expect(try await store.account(key: "e\u{301}") == nil)
        #expect(try await store.account(key: "Ada") == nil)
        #expect(try await store.account(key: "ada' OR '1'='1") == nil)
    }

    private func oneKeyIsOneAccount() async throws {
        let store = try await self.open()
        let error = await #expect(throws: AccountsError.self) {
            try await store.add(self.account("ada", name: "another"))
        }
        #expect(error?.code == .nameTaken)
        #expect(try await store.account(key: "ada")?.user.id == "id-Ada ☂ 'Love\"lace; --")
    }

    private func hashIsReplaced() async throws {
        let store = try await self.open()
        let id = try #require(try await store.account(key: "ada")?.user.id)
        #expect(try await store.setPasswordHash("second", ofUser: id, replacing: nil))
        #expect(try await store.account(key: "ada")?.passwordHash == "second")
        #expect(try await store.setPasswordHash("third", ofUser: id, replacing: "hash") == false)
        #expect(try await store.account(key: "ada")?.passwordHash == "second")
        #expect(try await store.setPasswordHash("third", ofUser: id, replacing: "second"))
        #expect(try await self.open().account(key: "ada")?.passwordHash == "third")
    }

    private func listIsOrderedAndPaged() async throws {
        let store = try await self.open()
        for key in ["zoe", "bob", "z", "cleo"] { try await store.add(self.account(key)) }
        let all = try await store.accounts(after: nil, limit: 100).map(\.key)
        #expect(all == ["ada", "bob", "cleo", "z", "zoe", "é"])
        #expect(try await store.accounts(after: nil, limit: 2).map(\.key) == ["ada", "bob"])
        #expect(try await store.accounts(after: "bob", limit: 2).map(\.key) == ["cleo", "z"])
        #expect(try await store.accounts(after: "é", limit: 2).isEmpty)
        #expect(try await store.accounts(after: nil, limit: 0).isEmpty)
    }

    private func racingAddsHaveOneWinner() async throws {
        let stores = [try await self.open(), try await self.open()]
        let outcomes = await withTaskGroup(of: String.self) { group in
            for number in 0..<20 {
                let account = self.account("racer", name: "racer \(number)")
                group.addTask {
                    do throws(AccountsError) {
                        try await stores[number % 2].add(account)
                        return account.user.id
                    } catch {
                        return error.code.rawValue
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let winners = outcomes.filter { $0 != AccountsError.Code.nameTaken.rawValue }
        #expect(winners.count == 1)
        #expect(try await stores[0].account(key: "racer")?.user.id == winners.first)
    }

    private func removedIsGone() async throws {
        let store = try await self.open()
        let bob = try #require(try await store.account(key: "bob"))
        #expect(try await store.remove(userID: bob.user.id))
        #expect(try await store.remove(userID: bob.user.id) == false)
        #expect(try await self.open().account(key: "bob") == nil)
        try await store.add(self.account("bob", name: "another Bob"))
    }

    private func identifierIsTheStores() async throws {
        let (first, second) = (try await self.open(), try await self.open())
        #expect(first.id == second.id)
    }
}
