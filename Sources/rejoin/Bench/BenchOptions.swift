import ArgumentParser
import Bench
import FoundationEssentials
import RejoinServer

/// What every benchmark takes.
struct BenchOptions: ParsableArguments {
    @Option(
        name: .customLong("url"),
        help: ArgumentHelp("A node to measure, http://HOST:PORT; may be repeated.", valueName: "url"))
    var url: [String] = []
    @Option(
        name: .customLong("pid"),
        help: ArgumentHelp("With --url: a process of the server, on this machine; may be repeated.", valueName: "pid"))
    var pid: [Int32] = []
    @Option(help: ArgumentHelp("Nodes of a cluster of its own, 1 to 16 (default: 1; 3 for rejoin).", valueName: "n"))
    var nodes: Int?
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
        try Self.require(nodes ?? 1, 1...16, "--nodes")
        try Self.require(runs, 1...100, "--runs")
        try Self.require(clientThreads, 1...64, "--client-threads")
        try Self.require(window, 1...100_000, "--window")
        guard (0.1...3_600).contains(timeout) else {
            throw ValidationError("--timeout is \(timeout), expected 0.1 to 3600 seconds")
        }
        for url in url where !url.hasPrefix("http://") || HostAndPort(String(url.dropFirst(7))) == nil {
            throw ValidationError("--url is \(url), expected http://HOST:PORT")
        }
        if url.isEmpty && !pid.isEmpty { throw ValidationError("--pid is for nodes that are given by --url") }
        if !url.isEmpty && nodes != nil { throw ValidationError("--nodes is for a cluster of its own, without --url") }
    }

    static func require(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// Runs a benchmark as often as asked for, and prints what came out.
    ///
    /// - Parameter defaultNodes: Nodes of a cluster of its own when none are asked for.
    func measure(
        _ name: String, nodes defaultNodes: Int, _ run: @escaping @Sendable (BenchContext) async throws -> BenchReport
    ) throws {
        OpenFiles.raiseLimit()
        var reports: [BenchReport] = []
        for number in 1...runs {
            if runs > 1 { Terminal.complain("bench \(name): run \(number) of \(runs)") }
            let cluster = url.isEmpty ? try BenchCluster(nodes: nodes ?? defaultNodes) : nil
            defer { cluster?.stop() }
            let target = cluster?.target ?? BenchTarget(nodes: url, nodeProcesses: pid)
            let context = BenchContext(
                target: target, clientThreads: clientThreads, progress: { Terminal.complain("bench \(name): \($0)") })
            do {
                reports.append(try MainThread.wait { try await run(context) })
            } catch let error as BenchError {
                throw Failure(error.message, details: cluster?.tails ?? "")
            }
        }
        let median = BenchReport(medianOf: reports)
        if output.json {
            try output.print(Document(benchmark: name, runs: reports, median: median))
        } else {
            Terminal.say(Self.table(reports, median))
        }
        let complaints = reports.flatMap(\.complaints)
        guard complaints.isEmpty else { throw Failure(complaints.joined(separator: "; ")) }
    }

    private struct Document: Encodable {
        let benchmark: String
        let runs: [BenchReport]
        let median: BenchReport
    }

    private static func table(_ reports: [BenchReport], _ median: BenchReport) -> String {
        var header = ["FIGURE", "MEDIAN"]
        if reports.count > 1 { header += (1...reports.count).map { "RUN \($0)" } }
        let rows = median.figures.map { figure in
            let values = reports.count > 1 ? reports.map { $0[figure.key] ?? 0 } : []
            return [figure.label] + ([figure.value] + values).map(Self.text)
        }
        return Table.render(header, rows)
    }

    /// Four digits that count, or whole numbers with thousands apart.
    static func text(_ value: Double) -> String {
        guard value.magnitude < 1_000 else {
            let digits = String(Int(value.rounded()))
            return String(
                digits.enumerated().flatMap { index, digit -> [Character] in
                    let left = digits.count - index
                    return left % 3 == 0 && index > 0 && digit != "-" ? [",", digit] : [digit]
                })
        }
        guard value != value.rounded() else { return String(Int(value)) }
        let scale = value.magnitude < 1 ? 10_000.0 : value.magnitude < 10 ? 1_000 : value.magnitude < 100 ? 100 : 10
        return "\((value * scale).rounded() / scale)"
    }
}
