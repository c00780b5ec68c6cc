import ArgumentParser
import Bench
import RejoinServer

/// `rejoin bench act`
struct BenchAct: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "act", abstract: "Acts of many players, each applied once, also while nodes are killed.",
        discussion: """
            Every socket has an account and a field of its own. Each has --in-flight acts under way at a time, or all \
            together begin --rate a second. With --kills K the first K nodes are killed by SIGKILL, evenly over the \
            acts; their sockets come back on other nodes and send again, under the same ids, what they have no answer \
            to; figures a CPU-second are left out then. At the end the rooms' versions are counted: each act makes \
            one. An act that is refused for good has failed, and the run ends when none is acknowledged for --timeout.

            With --redis-benchmark the program of that name calls the script of an act, with the same arguments, on \
            the same Redis before and after each run: over as many connections as there are nodes, with as many calls \
            under way as there are acts, on one room, which nobody is in. The acts' ids are then as long as its.
            """)

    @Option(help: ArgumentHelp("Sockets that act.", valueName: "n"))
    var sockets = 100
    @Option(help: ArgumentHelp("Rooms they are in.", valueName: "n"))
    var rooms = 1
    @Option(help: ArgumentHelp("Acts of all sockets together.", valueName: "n"))
    var acts = 100_000
    @Option(help: ArgumentHelp("Acts of a socket under way at a time (default: 1).", valueName: "n"))
    var inFlight: Int?
    @Option(
        help: ArgumentHelp("Acts that all sockets together begin a second, instead of --in-flight.", valueName: "n"))
    var rate: Double?
    @Option(help: ArgumentHelp("Nodes that are killed meanwhile.", valueName: "n"))
    var kills = 0
    @Flag(help: "Measure what Redis alone does of an act's script, beside each run.")
    var redisBenchmark = false
    @OptionGroup(title: "Another Socket.IO server") var events: RoomEventOptions
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...1_000_000, "--sockets")
        try BenchOptions.require(rooms, 1...sockets, "--rooms")
        try BenchOptions.require(acts, 1...1_000_000_000, "--acts")
        // The last 128 ids of a user in a room are remembered.
        try BenchOptions.require(inFlight ?? 1, 1...128, "--in-flight")
        try BenchOptions.requireOneLoad(rate: rate, inFlight: inFlight)
        try BenchOptions.require(kills, 0...15, "--kills")
        try BenchOptions.require(rate: rate)
        guard kills == 0 || target.url.isEmpty else {
            throw ValidationError("--kills kills nodes: it takes no --url, only a cluster of its own")
        }
        guard kills < target.nodes ?? 3 else {
            throw ValidationError("--kills is \(kills), expected fewer than the \(target.nodes ?? 3) nodes")
        }
        try target.require(dialect: events.dialect)
        guard !redisBenchmark || target.url.isEmpty else {
            throw ValidationError("--redis-benchmark asks the private Redis of a cluster of its own: it takes no --url")
        }
    }

    /// Each socket has a field of its own: of another server's rooms nothing is known.
    private func requireFields() throws {
        let most = try Settings.configuration().limits.room.fields
        let needed = (sockets + rooms - 1) / rooms
        guard !target.url.isEmpty || needed <= most else {
            throw ValidationError(
                "\(sockets) sockets in \(rooms) rooms need \(needed) fields of a room, expected at most the \(most) of "
                    + "limit.room-fields: more --rooms, fewer --sockets or a higher --limit-room-fields")
        }
    }

    func run() throws {
        try requireFields()
        var bench = ActBench(
            players: sockets, rooms: rooms, acts: acts, load: rate.map { .rate($0) } ?? .inFlight(inFlight ?? 1),
            kills: kills, window: options.window, timeout: options.patience)
        var yardsticks: [any Yardstick] = []
        if redisBenchmark {
            bench.idLength = RedisYardstick.idLength
            yardsticks = [RedisYardstick(inFlight: sockets * (inFlight ?? 1), calls: min(acts, 200_000))]
        }
        var runner = BenchRunner("act", target, options, defaultNodes: 3)
        runner.dialect = events.dialect
        runner.yardsticks = yardsticks
        try runner.run(target, options) { [bench] in try await bench.run($0) }
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
            every socket of its room, has failed, or is given up after five seconds, which is counted. A \
            delivery is one act at one socket; a patch that merges several is several.

            Sockets are spread evenly over --rooms rooms, which take turns: rate and number in flight are of all rooms \
            together. Each room has at least one of the acting sockets.

            Lost, doubled and out of order are told by the versions of Rejoin's patches; with another server by a number \
            that each acting socket counts in its acts (%stamp), so that order is that of one sender's acts.
            """)

    @Option(help: ArgumentHelp("Sockets in all rooms, the acting ones too.", valueName: "n"))
    var sockets = 1_000
    @Option(help: ArgumentHelp("Rooms they are in.", valueName: "n"))
    var rooms = 1
    @Option(help: ArgumentHelp("How many of them act; at least one in each room (default: 8).", valueName: "n"))
    var actors: Int?
    @Option(help: ArgumentHelp("Acts a second, of all rooms together (default: 30).", valueName: "n"))
    var rate: Double?
    @Option(help: ArgumentHelp("Instead of a rate: acts that are on their way at a time.", valueName: "n"))
    var inFlight: Int?
    @Option(help: ArgumentHelp("How long is measured.", valueName: "seconds"))
    var duration = 10.0
    @Option(help: ArgumentHelp("How long acts are sent before.", valueName: "seconds"))
    var warmUp = 2.0
    @Option(help: ArgumentHelp("Bytes added to each act; a patch is about 130 bytes without.", valueName: "bytes"))
    var padding = 0
    @Flag(help: "Measure bare sends to as many loopback sockets before and after each run (see bench floor).")
    var floor = false
    @OptionGroup(title: "Another Socket.IO server") var delivery: DeliveryOptions
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...1_000_000, "--sockets")
        try BenchOptions.require(rooms, 1...sockets, "--rooms")
        try BenchOptions.require(actors ?? 1, 1...sockets, "--actors")
        try BenchOptions.require(inFlight ?? 1, 1...1_000, "--in-flight")
        try BenchOptions.require(padding, 0...10_000, "--padding")
        let most = FanOutBench.mostInFlight(padding: padding) * rooms
        guard delivery.dialect != nil || inFlight ?? 1 <= most else {
            throw ValidationError(
                "--in-flight is \(inFlight ?? 1), expected at most \(most): more acts of that padding do not fit a room"
            )
        }
        try BenchOptions.require(rate: rate)
        try BenchOptions.requireOneLoad(rate: rate, inFlight: inFlight)
        try BenchOptions.require(seconds: duration, 0.1...86_400, "--duration")
        try BenchOptions.require(seconds: warmUp, 0...86_400, "--warm-up")
        try target.require(dialect: delivery.dialect)
    }

    func run() throws {
        let bench = FanOutBench(
            sockets: sockets, rooms: rooms, actors: actors ?? min(8, sockets),
            load: inFlight.map { .inFlight($0) } ?? .rate(rate ?? 30),
            duration: .seconds(duration), warmUp: .seconds(warmUp), padding: padding, window: options.window,
            timeout: options.patience)
        var runner = BenchRunner("fanout", target, options, defaultNodes: 1)
        runner.dialect = delivery.dialect
        runner.yardsticks = floor ? [FloorYardstick(sockets: sockets)] : []
        try runner.run(target, options) { try await bench.run($0) }
    }
}
