import ArgumentParser
import Accounts
import Bench
import RejoinServer

/// `rejoin bench`: the load generator.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures a cluster: handshakes, idle sockets, fan-out, the loss of a node, logins and logouts.",
        discussion: """
            Without --url it starts a cluster for each run and stops it afterwards: a private redis-server without \
            persistence and --nodes N nodes, registration open and limits raised far above their defaults, so that \
            the server is measured and not its limits. Settings of `rejoin serve --help` go to these nodes \
            (--threads 1). With --url it measures nodes that run already, with the limits they have; --pid names \
            processes whose CPU time and memory are counted as theirs.

            CPU times and memory are the kernel's (/proc/PID); the generator's own CPU stands beside them. Generator \
            and server share this machine's cores: trust ratios of figures of one run more than the figures.

            Progress goes to standard error, the table (or with --json one JSON document) to standard output. Exit \
            code 1: something was lost, doubled, out of order, refused or not back.
            """,
        subcommands: [
            BenchConnect.self, BenchIdle.self, BenchAct.self, BenchFanOut.self, BenchRejoin.self, BenchLogin.self,
            BenchLogout.self,
        ])
}

/// `rejoin bench connect`
struct BenchConnect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect", abstract: "Handshakes of new guests, up to the first `session` event.",
        discussion: "Every socket stays open until the end of the run.")

    @Option(help: ArgumentHelp("How many sockets.", valueName: "n"))
    var sockets = 5_000
    @OptionGroup var options: BenchOptions

    func validate() throws { try BenchOptions.require(sockets, 1...1_000_000, "--sockets") }

    func run() throws {
        let bench = ConnectBench(sockets: sockets, window: options.window, timeout: options.patience)
        try options.measure("connect", nodes: 1) { try await bench.run($0) }
    }
}

/// `rejoin bench idle`
struct BenchIdle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Memory per idle socket, and the CPU of their heartbeats.",
        discussion: """
            Opens guests' sockets step by step, reads the nodes' memory at each step, and holds the last one. Memory \
            per socket is the slope over the steps.
            """)

    @Option(help: ArgumentHelp("Numbers of sockets, growing, separated by commas.", valueName: "n,n,…"))
    var steps = "2000,4000,6000,8000,10000"
    @Option(help: ArgumentHelp("How long the last step is held.", valueName: "seconds"))
    var hold = 30.0
    @Option(help: ArgumentHelp("How long a step settles before memory is read.", valueName: "seconds"))
    var settle = 2.0
    @OptionGroup var options: BenchOptions

    func run() throws {
        let numbers = steps.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard numbers.count > 1, (numbers.first ?? 0) > 0, zip(numbers, numbers.dropFirst()).allSatisfy(<) else {
            throw ValidationError("--steps is \(steps), expected two or more growing numbers such as 1000,2000")
        }
        let bench = IdleBench(
            steps: numbers, hold: .seconds(hold), settle: .seconds(settle), window: options.window,
            timeout: options.patience)
        try options.measure("idle", nodes: 1) { try await bench.run($0) }
    }
}

/// `rejoin bench act`
struct BenchAct: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "act", abstract: "Acts of many players, each applied once, also while nodes are killed.",
        discussion: """
            Every socket has an account and a field of its own, and sends the next act when one is acknowledged. With --kills K the \
            first K nodes are killed by SIGKILL, evenly over the acts; their sockets come back on other nodes and send \
            again, under the same ids, what they have no answer to. At the end the rooms' versions are counted: each act \
            makes one.
            """)

    @Option(help: ArgumentHelp("Sockets that act.", valueName: "n"))
    var sockets = 100
    @Option(help: ArgumentHelp("Rooms they are in.", valueName: "n"))
    var rooms = 1
    @Option(help: ArgumentHelp("Acts of all sockets together.", valueName: "n"))
    var acts = 100_000
    @Option(help: ArgumentHelp("Acts of a socket under way at a time.", valueName: "n"))
    var inFlight = 1
    @Option(help: ArgumentHelp("Nodes that are killed meanwhile.", valueName: "n"))
    var kills = 0
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...1_000_000, "--sockets")
        try BenchOptions.require(rooms, 1...sockets, "--rooms")
        try BenchOptions.require(acts, 1...1_000_000_000, "--acts")
        // The last 128 ids of a user in a room are remembered.
        try BenchOptions.require(inFlight, 1...128, "--in-flight")
        try BenchOptions.require(kills, 0...15, "--kills")
        guard kills == 0 || options.url.isEmpty else {
            throw ValidationError("--kills kills nodes: it takes no --url, only a cluster of its own")
        }
        guard kills < options.nodes ?? 3 else {
            throw ValidationError("--kills is \(kills), expected fewer than the \(options.nodes ?? 3) nodes")
        }
    }

    func run() throws {
        let bench = ActBench(
            players: sockets, rooms: rooms, acts: acts, window: inFlight, kills: kills, timeout: options.patience)
        try options.measure("act", nodes: 3) { try await bench.run($0) }
    }
}

/// `rejoin bench fanout`
struct BenchFanOut: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout", abstract: "Acts of a player, delivered to every socket of a room.",
        discussion: """
            One player acts over several sockets, so that no socket's limit is the bottleneck; all others watch. With \
            --rate acts are sent at that rate whatever the answers do, and latency counts from when an act should \
            have been sent to its arrival at each socket. With --in-flight N an act follows when one has arrived at \
            every socket. A delivery is one version at one socket; a patch that merges several is several deliveries.
            """)

    @Option(help: ArgumentHelp("Sockets in the room, the acting ones too.", valueName: "n"))
    var sockets = 1_000
    @Option(help: ArgumentHelp("How many of them act.", valueName: "n"))
    var actors = 8
    @Option(help: ArgumentHelp("Acts a second.", valueName: "n"))
    var rate = 30.0
    @Option(help: ArgumentHelp("Instead of a rate: acts that are on their way at a time.", valueName: "n"))
    var inFlight: Int?
    @Option(help: ArgumentHelp("How long is measured.", valueName: "seconds"))
    var duration = 10.0
    @Option(help: ArgumentHelp("How long acts are sent before.", valueName: "seconds"))
    var warmUp = 2.0
    @Option(help: ArgumentHelp("Bytes added to each act; a patch is about 130 bytes without.", valueName: "bytes"))
    var padding = 0
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...1_000_000, "--sockets")
        try BenchOptions.require(actors, 1...min(sockets, 1_000), "--actors")
        try BenchOptions.require(inFlight ?? 1, 1...1_000, "--in-flight")
        try BenchOptions.require(padding, 0...10_000, "--padding")
        guard (0.1...100_000).contains(rate) else { throw ValidationError("--rate is \(rate), expected 0.1 to 100000") }
    }

    func run() throws {
        let bench = FanOutBench(
            sockets: sockets, actors: actors, load: inFlight.map { .inFlight($0) } ?? .rate(rate),
            duration: .seconds(duration), warmUp: .seconds(warmUp), padding: padding, window: options.window,
            timeout: options.patience)
        try options.measure("fanout", nodes: 1) { try await bench.run($0) }
    }
}

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
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(players, 1...1_000_000, "--players")
        try BenchOptions.require(accounts ?? players, 1...players, "--accounts")
        try BenchOptions.require(playersPerRoom, 1...500, "--players-per-room")
        guard options.url.isEmpty else {
            throw ValidationError("bench rejoin kills a node: it takes no --url, only a cluster of its own")
        }
        if let nodes = options.nodes { try BenchOptions.require(nodes, 2...16, "--nodes") }
    }

    func run() throws {
        let bench = RejoinBench(
            players: players, accounts: accounts ?? players, playersPerRoom: playersPerRoom, window: options.window,
            timeout: options.patience)
        try options.measure("rejoin", nodes: 3) { try await bench.run($0) }
    }
}

/// `rejoin bench login`
struct BenchLogin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Logins a node does, and what its other sockets feel of them.",
        discussion: """
            All logins are of one account, each over a guest's socket of its own; more are under way at a time than \
            the node hashes at once. Beside them one socket asks for little, at a rate: the echo. The hash by itself \
            is measured before and after, in this process, on as many threads as a node here has for it.
            """)

    @Option(help: ArgumentHelp("How many logins.", valueName: "n"))
    var logins = 500
    @Option(help: ArgumentHelp("Echoes a second.", valueName: "n"))
    var echoes = 100.0
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(logins, 1...100_000, "--logins")
        guard (1...10_000).contains(echoes) else { throw ValidationError("--echoes is \(echoes), expected 1 to 10000") }
    }

    func run() throws {
        let threads = try Settings.configuration().accounts.hashingThreads
        let bench = LoginBench(
            logins: logins, window: options.window, echoes: echoes, timeout: options.patience,
            hashSeconds: { try await HashCost.secondsOfCPU(threads: threads) })
        try options.measure("login", nodes: 1) { try await bench.run($0) }
    }
}

/// `rejoin bench logout`
struct BenchLogout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "A logout everywhere: until the last socket on the last node is a watcher.",
        discussion: "One user has many sessions, each with a socket, over all nodes; one of them logs out everywhere.")

    @Option(help: ArgumentHelp("Sessions of the user. Each login hashes a password, 31 ms of CPU.", valueName: "n"))
    var sessions = 1_000
    @OptionGroup var options: BenchOptions

    func validate() throws { try BenchOptions.require(sessions, 1...100_000, "--sessions") }

    func run() throws {
        let bench = LogoutBench(sessions: sessions, window: options.window, timeout: options.patience)
        try options.measure("logout", nodes: 3) { try await bench.run($0) }
    }
}
