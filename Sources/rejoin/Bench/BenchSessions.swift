import Accounts
import ArgumentParser
import Bench
import RejoinServer

/// `rejoin bench rejoin`
struct BenchRejoin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejoin", abstract: "Kills a node, and measures until its players act on the others.",
        discussion: """
            Every player is logged in, in a room, and has acted. The node is killed by SIGKILL; each player connects \
            to another node with the token it has, must be logged in there, joins with the version it knows, and \
            acts. Players come back at once: official clients wait a second first. The rooms are looked at \
            afterwards: every acknowledged act must be there. Only on a cluster of its own.
            """)

    @Option(help: ArgumentHelp("Players on the node that is killed.", valueName: "n"))
    var players = 500
    @Option(
        help: ArgumentHelp(
            "Accounts they share (default: one each). Each registration hashes a password, 31 ms of CPU.",
            valueName: "n"))
    var accounts: Int?
    @Option(help: ArgumentHelp("Players of one room.", valueName: "n"))
    var playersPerRoom = 50
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(players, 1...1_000_000, "--players")
        try BenchOptions.require(accounts ?? players, 1...players, "--accounts")
        try BenchOptions.require(playersPerRoom, 1...500, "--players-per-room")
        guard target.url.isEmpty else {
            throw ValidationError("bench rejoin kills a node: it takes no --url, only a cluster of its own")
        }
        if let nodes = target.nodes { try BenchOptions.require(nodes, 2...16, "--nodes") }
    }

    func run() throws {
        let bench = RejoinBench(
            players: players, accounts: accounts ?? players, playersPerRoom: playersPerRoom, window: options.window,
            timeout: options.patience)
        try BenchRunner("rejoin", target, options, defaultNodes: 3)
            .run(target, options) { try await bench.run($0) }
    }
}

/// `rejoin bench login`
struct BenchLogin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Logins a node does, and what its other sockets feel of them.",
        discussion: """
            All logins are of one account, each over a guest's socket of its own; --window of them are under way at a \
            time, more than the node hashes at once, or with --rate so many begin a second. Beside them one socket asks for little, at a rate: the echo. The hash by itself \
            is measured before and after, in this process, on as many threads as a node here has for it.
            """)

    @Option(help: ArgumentHelp("How many logins.", valueName: "n"))
    var logins = 500
    @Option(help: ArgumentHelp("Logins that begin a second, instead of --window.", valueName: "n"))
    var rate: Double?
    @Option(help: ArgumentHelp("Echoes a second.", valueName: "n"))
    var echoes = 100.0
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(logins, 1...100_000, "--logins")
        try BenchOptions.require(rate: rate)
        guard (1...10_000).contains(echoes) else { throw ValidationError("--echoes is \(echoes), expected 1 to 10000") }
    }

    func run() throws {
        let threads = try Settings.configuration().accounts.hashingThreads
        let bench = LoginBench(
            logins: logins, load: rate.map { .rate($0) } ?? .inFlight(options.window), window: options.window,
            echoes: echoes, timeout: options.patience,
            hashSeconds: { try await HashCost.secondsOfCPU(threads: threads) })
        try BenchRunner("login", target, options, defaultNodes: 1)
            .run(target, options) { try await bench.run($0) }
    }
}

/// `rejoin bench logout`
struct BenchLogout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "A logout everywhere: until the last socket on the last node is a watcher.",
        discussion: "One user has many sessions, each with a socket, over all nodes; one of them logs out everywhere.")

    @Option(help: ArgumentHelp("Sessions of the user. Each login hashes a password, 31 ms of CPU.", valueName: "n"))
    var sessions = 1_000
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws { try BenchOptions.require(sessions, 1...100_000, "--sessions") }

    func run() throws {
        let bench = LogoutBench(sessions: sessions, window: options.window, timeout: options.patience)
        try BenchRunner("logout", target, options, defaultNodes: 3)
            .run(target, options) { try await bench.run($0) }
    }
}
