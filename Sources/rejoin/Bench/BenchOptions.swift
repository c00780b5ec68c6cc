import ArgumentParser
import Bench
import RejoinServer

/// What every benchmark takes.
struct BenchOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How often, each time on a new cluster; the median is shown.", valueName: "n"))
    var runs = 1
    @Option(help: ArgumentHelp("Event loops of the generator.", valueName: "n"))
    var clientThreads = 2
    @Option(help: ArgumentHelp("Handshakes, joins and registrations under way at a time.", valueName: "n"))
    var window = 128
    @Option(help: ArgumentHelp("How long one of them may take.", valueName: "seconds"))
    var timeout = 30.0
    @OptionGroup var output: OutputOptions

    var patience: Duration { .seconds(timeout) }

    func validate() throws {
        try Self.require(runs, 1...100, "--runs")
        try Self.require(clientThreads, 1...64, "--client-threads")
        try Self.require(window, 1...100_000, "--window")
        try Self.require(seconds: timeout, 0.1...3_600, "--timeout")
    }

    static func require(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }

    static func require(rate: Double?, _ name: String = "--rate") throws {
        guard (0.1...1_000_000).contains(rate ?? 1) else {
            throw ValidationError("\(name) is \(rate ?? 0), expected 0.1 to 1000000 a second")
        }
    }

    /// Each is in place of the other.
    static func requireOneLoad(rate: Double?, inFlight: Int?) throws {
        guard rate == nil || inFlight == nil else {
            throw ValidationError("expected --rate or --in-flight, not both")
        }
    }

    static func require(seconds: Double, _ range: ClosedRange<Double>, _ name: String) throws {
        guard range.contains(seconds) else {
            let least = range.lowerBound == 0 ? "0" : "\(range.lowerBound)"
            throw ValidationError("\(name) is \(seconds), expected \(least) to \(Int(range.upperBound)) seconds")
        }
    }

    /// Growing numbers, separated by commas.
    ///
    /// - Parameter least: How many there must be.
    static func numbers(_ text: String, atLeast least: Int, _ name: String) throws -> [Int] {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard numbers.count >= least, (numbers.first ?? 0) > 0, zip(numbers, numbers.dropFirst()).allSatisfy(<) else {
            let count = least > 1 ? "two or more growing numbers" : "a number or several growing ones"
            throw ValidationError("\(name) is \(text), expected \(count) such as 1000,2000")
        }
        return numbers
    }
}

/// What a benchmark measures.
struct BenchTargetOptions: ParsableArguments {
    @Option(
        name: .customLong("url"),
        help: ArgumentHelp("A node to measure, http://HOST:PORT; may be repeated.", valueName: "url"))
    var url: [String] = []
    @Option(
        name: .customLong("pid"),
        help: ArgumentHelp("With --url: a process of the server, on this machine; may be repeated.", valueName: "pid"))
    var pid: [Int32] = []
    @Option(
        help: ArgumentHelp(
            "Nodes of a cluster of its own, 1 to 16 (default: 1; 3 for act, rejoin and logout).", valueName: "n"))
    var nodes: Int?
    @Option(help: ArgumentHelp("A file to draw the runs into, as SVG.", valueName: "file"))
    var svg: String?

    func validate() throws {
        try BenchOptions.require(nodes ?? 1, 1...16, "--nodes")
        for url in url where !url.hasPrefix("http://") || HostAndPort(String(url.dropFirst(7))) == nil {
            throw ValidationError("--url is \(url), expected http://HOST:PORT")
        }
        if url.isEmpty && !pid.isEmpty { throw ValidationError("--pid is for nodes that are given by --url") }
        if !url.isEmpty && nodes != nil { throw ValidationError("--nodes is for a cluster of its own, without --url") }
    }

    func require(dialect: Dialect?) throws {
        guard dialect == nil || !url.isEmpty else {
            throw ValidationError("options that describe another Socket.IO server need its address, expected --url")
        }
    }
}
