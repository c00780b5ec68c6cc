import ArgumentParser
import Bench

/// `rejoin bench connect`
struct BenchConnect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect", abstract: "Handshakes of new guests, up to the first `session` event.",
        discussion: """
            --window of them are under way at a time, or with --rate so many begin a second. Every socket stays open \
            until the end of the run: those that do not are counted.
            """)

    @Option(help: ArgumentHelp("How many sockets.", valueName: "n"))
    var sockets = 5_000
    @Option(help: ArgumentHelp("Handshakes that begin a second, instead of --window.", valueName: "n"))
    var rate: Double?
    @OptionGroup(title: "Another Socket.IO server") var handshake: HandshakeOptions
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...1_000_000, "--sockets")
        try BenchOptions.require(rate: rate)
        try target.require(dialect: handshake.dialect)
    }

    func run() throws {
        let bench = ConnectBench(
            sockets: sockets, load: rate.map { .rate($0) } ?? .inFlight(options.window), timeout: options.patience)
        var runner = BenchRunner("connect", target, options, defaultNodes: 1)
        runner.dialect = handshake.dialect
        try runner.run(target, options) { try await bench.run($0) }
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
    @OptionGroup(title: "Another Socket.IO server") var handshake: HandshakeOptions
    @OptionGroup var target: BenchTargetOptions
    @OptionGroup var options: BenchOptions

    func validate() throws {
        _ = try BenchOptions.numbers(steps, atLeast: 2, "--steps")
        try BenchOptions.require(seconds: hold, 0...86_400, "--hold")
        try BenchOptions.require(seconds: settle, 0...86_400, "--settle")
        try target.require(dialect: handshake.dialect)
    }

    func run() throws {
        let bench = IdleBench(
            steps: try BenchOptions.numbers(steps, atLeast: 2, "--steps"), hold: .seconds(hold),
            settle: .seconds(settle), window: options.window, timeout: options.patience)
        var runner = BenchRunner("idle", target, options, defaultNodes: 1)
        runner.dialect = handshake.dialect
        try runner.run(target, options) { try await bench.run($0) }
    }
}

/// `rejoin bench floor`
struct BenchFloor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "floor", abstract: "What the kernel alone asks for a delivery: one send to a loopback socket.",
        discussion: """
            One thread sends a small message to each of many loopback connections, again and again. Nobody who sends \
            every message by itself does more a CPU-second: a figure of fan-out is to be seen beside it. It needs no \
            server; `rejoin bench fanout --floor` takes it before and after each run.
            """)

    @Option(help: ArgumentHelp("Loopback connections.", valueName: "n"))
    var sockets = 1_000
    @Option(help: ArgumentHelp("How often each is sent something.", valueName: "n"))
    var rounds = 200
    @Option(help: ArgumentHelp("Bytes of a send.", valueName: "bytes"))
    var bytes = 60
    @Option(help: ArgumentHelp("Rounds a second; 0: one after the other.", valueName: "n"))
    var rate = 30.0
    @OptionGroup var options: BenchOptions

    func validate() throws {
        try BenchOptions.require(sockets, 1...100_000, "--sockets")
        try BenchOptions.require(rounds, 1...1_000_000, "--rounds")
        try BenchOptions.require(bytes, 1...65_536, "--bytes")
        if rate != 0 { try BenchOptions.require(rate: rate) }
    }

    func run() throws {
        let bench = FloorBench(
            sockets: sockets, rounds: rounds, bytes: bytes, gap: rate > 0 ? .seconds(1 / rate) : .zero)
        OpenFiles.raiseLimit()
        var result = BenchResult("floor")
        for _ in 1...options.runs {
            let progress = ProgressLine("floor")
            defer { progress.clear() }
            do {
                result.runs.append(
                    try MainThread.wait(
                        { [progress = progress.progress] in try await bench.run(progress: progress) },
                        tick: progress.draw))
            } catch let error as BenchError {
                throw Failure(error.message)
            }
        }
        try result.publish(options.output, svg: nil)
    }
}
