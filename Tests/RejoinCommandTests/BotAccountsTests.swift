import Accounts
import FoundationEssentials
import Logging
import RejoinServer
import TestSupport
import Testing

@testable import rejoin

@Suite("The accounts of bots")
struct BotAccountsTests {
    private let folder: String
    private let configuration: RejoinConfiguration

    init() throws {
        folder = try temporaryFolder()
        configuration = try RejoinConfiguration(
            ConfigurationReader(flags: ConfigurationFlags(), environment: ["REJOIN_DATA": folder]))
    }

    private func cleanUp() throws { try FileManager.default.removeItem(atPath: folder) }

    @Test("the next run has the same players and the sessions they were in")
    func areKept() async throws {
        let first = try await BotAccounts(count: 2, configuration: configuration)
        try await first.keep(token: "a session", of: "bot-2")
        let before = await first.all
        #expect(before.map(\.name) == ["bot-1", "bot-2"])
        #expect(before[0].password != before[1].password)
        let after = await (try BotAccounts(count: 3, configuration: configuration)).all
        #expect(after.map(\.name) == ["bot-1", "bot-2", "bot-3"])
        #expect(after[..<2].map(\.password) == before.map(\.password))
        #expect(after.map(\.token) == [nil, "a session", nil])
        let store = try await Accounts.open(configuration, logger: Logger(label: "test"))
        #expect(try await store.authenticate(name: "bot-1", password: before[0].password) != nil)
        try cleanUp()
    }

    @Test("a name that a person has is not taken from them")
    func takeNobodysName() async throws {
        let store = try await Accounts.open(configuration, logger: Logger(label: "test"))
        let person = try await store.add(name: "Bot-1", password: "correct horse")
        let bots = await (try BotAccounts(count: 1, configuration: configuration)).all
        #expect(bots.count == 1 && bots[0].name.hasPrefix("bot-1-"))
        #expect(try await store.authenticate(name: "Bot-1", password: "correct horse")?.id == person.id)
        try cleanUp()
    }

    @Test("an account that was removed is made again")
    func areMadeAgain() async throws {
        let before = await (try BotAccounts(count: 1, configuration: configuration)).all
        let store = try await Accounts.open(configuration, logger: Logger(label: "test"))
        _ = try await store.remove(name: "bot-1")
        let after = await (try BotAccounts(count: 1, configuration: configuration)).all
        #expect(after[0].password == before[0].password)
        #expect(try await store.authenticate(name: "bot-1", password: after[0].password) != nil)
        try cleanUp()
    }
}
