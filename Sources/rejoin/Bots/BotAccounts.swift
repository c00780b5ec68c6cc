import Accounts
import FoundationEssentials
import Logging
import RejoinServer

/// The accounts of the bots, with what they log in by: `DATA/bots.json`, readable by its user alone.
actor BotAccounts {
    struct Account: Codable, Sendable {
        var name: String
        var password: String
        /// Of the session it was last in.
        var token: String?
    }

    private(set) var all: [Account]
    private let path: String

    /// Takes the accounts of an earlier run, and makes those that are missing.
    ///
    /// - Throws: ``Failure`` when the file or the accounts cannot be used.
    init(count: Int, configuration: RejoinConfiguration) async throws {
        try Path.makePrivateFolder(Path.absolute(configuration.data))
        path = "\(Path.absolute(configuration.data))/bots.json"
        all = try Self.read(path)
        var logger = Logger(label: "rejoin.bots")
        logger.logLevel = .error
        do throws(AccountsError) {
            let store = try await Accounts.open(configuration, logger: logger)
            for number in 0..<count where number >= all.count {
                all.append(try await Self.add(number: number + 1, to: store))
            }
            // The accounts may have been removed since.
            for number in 0..<count where try await store.user(named: all[number].name) == nil {
                _ = try await store.add(name: all[number].name, password: all[number].password)
                all[number].token = nil
            }
        } catch {
            throw Failure("the bots have no accounts: \(error.description)")
        }
        try write()
    }

    /// Keeps the session of a bot for its next connection, and for the next run.
    func keep(token: String, of name: String) throws {
        guard let number = all.firstIndex(where: { $0.name == name }) else { return }
        all[number].token = token
        try write()
    }

    private static func add(number: Int, to store: Accounts) async throws(AccountsError) -> Account {
        // The first name may be a person's.
        for name in ["bot-\(number)", "bot-\(number)-\(random(4))", "bot-\(random(12))"] {
            let account = Account(name: name, password: random(32))
            do throws(AccountsError) {
                _ = try await store.add(name: account.name, password: account.password)
                return account
            } catch  where error.code == .nameTaken {
                continue
            }
        }
        throw AccountsError(.nameTaken, "every name that a bot would have is taken")
    }

    static func random(_ length: Int) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<length).compactMap { _ in alphabet.randomElement() })
    }

    private static func read(_ path: String) throws -> [Account] {
        guard let contents = FileManager.default.contents(atPath: path) else { return [] }
        do {
            return try JSONDecoder().decode([Account].self, from: contents)
        } catch {
            throw Failure("\(path) is not the file of the bots' accounts, remove it: \(error)")
        }
    }

    private func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try Path.writePrivately(encoder.encode(all), to: path)
    }
}
