import ArgumentParser
import NIOPosix
import RejoinServer
import Rooms

/// `rejoin bots`: players without people. `rejoin up --bots N` starts it; it lives until it is killed.
struct BotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bots", abstract: "Lets players without people play in the arena.", shouldDisplay: false)

    /// What is allowed, here and for `rejoin up --bots`: the arena has no room for more.
    static let allowed = 0...Arena.maximumPlayers

    @Option(help: "How many.")
    var count: Int
    @Option(help: "Where the cluster is, http://HOST:PORT; given several times: those of the nodes.")
    var address: [String]

    func validate() throws {
        guard Self.allowed.contains(count) else {
            throw ValidationError("--count is \(count), expected 0 to \(Self.allowed.upperBound)")
        }
    }

    func run() async throws {
        let accounts = try await BotAccounts(count: count, configuration: Settings.configuration())
        let arrivals = Arrivals(expected: count)
        let board = BotBoard()
        await withTaskGroup(of: Void.self) { group in
            for number in 1...max(1, count) where number <= count {
                group.addTask {
                    let bot = await Bot(
                        account: accounts.all[number - 1], addresses: address, first: number, accounts: accounts,
                        board: board, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
                    // They do not all come in the same instant.
                    try? await Task.sleep(for: .milliseconds(20 * number))
                    await bot.run { await arrivals.count() }
                }
            }
        }
    }

    /// Says when everybody is there, once.
    private actor Arrivals {
        private var missing: Int
        private let expected: Int

        init(expected: Int) {
            self.expected = expected
            missing = expected
        }

        func count() {
            missing -= 1
            if missing == 0 { Terminal.say("rejoin: \(expected) bots walk in the arena") }
        }
    }
}
