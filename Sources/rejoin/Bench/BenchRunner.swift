import Bench
import FoundationEssentials
import RejoinServer

/// Runs one benchmark as often as asked for, and prints and draws what came out.
struct BenchRunner {
    /// The subcommand.
    let name: String
    /// Nodes that run already; empty: each run has a cluster of its own.
    var urls: [String] = []
    /// The processes of `urls`.
    var processes: [Int32] = []
    /// Nodes of a cluster of its own.
    var nodes = 1
    var clientThreads = 2
    var dialect: Dialect?
    /// What is measured before and after each run.
    var yardsticks: [any Yardstick] = []

    /// One run on one cluster, with its yardsticks.
    ///
    /// - Parameters:
    ///   - body: What is run.
    ///   - cluster: Nil where `urls` are measured.
    ///   - progress: Shows it.
    func run(
        _ body: @escaping @Sendable (BenchContext) async throws -> BenchReport, on cluster: BenchCluster?,
        _ progress: ProgressLine
    ) throws -> BenchReport {
        let context = BenchContext(
            target: cluster?.target ?? BenchTarget(nodes: urls, nodeProcesses: processes),
            clientThreads: clientThreads, dialect: dialect, progress: progress.progress)
        defer { progress.clear() }
        do {
            let before = try yardsticks.map { try $0.measure(cluster, progress) }
            var report = try MainThread.wait({ try await body(context) }, tick: progress.draw)
            for (yardstick, before) in zip(yardsticks, before) {
                report.add(yardstick, before: before, after: try yardstick.measure(cluster, progress))
            }
            return report
        } catch let error as BenchError {
            throw Failure(error.message, details: cluster?.tails ?? "")
        }
    }
}

extension BenchRunner {
    /// - Parameters:
    ///   - name: The subcommand.
    ///   - target: What is measured.
    ///   - options: What all take.
    ///   - defaultNodes: Nodes of a cluster of its own when none are asked for.
    init(_ name: String, _ target: BenchTargetOptions, _ options: BenchOptions, defaultNodes: Int) {
        self.name = name
        urls = target.url
        processes = target.pid
        nodes = target.nodes ?? defaultNodes
        clientThreads = options.clientThreads
    }

    /// All runs, each on a cluster of its own where no nodes are given, and what is shown of them.
    func run(
        _ target: BenchTargetOptions, _ options: BenchOptions,
        _ body: @escaping @Sendable (BenchContext) async throws -> BenchReport
    ) throws {
        OpenFiles.raiseLimit()
        var result = BenchResult(name)
        var failure: (any Error)?
        for number in 1...options.runs where failure == nil {
            let progress = ProgressLine(options.runs > 1 ? "\(name) \(number)/\(options.runs)" : name)
            let cluster = urls.isEmpty ? try BenchCluster(nodes: nodes, progress) : nil
            defer { cluster?.stop() }
            result.settings = cluster?.raised ?? []
            do {
                result.runs.append(try run(body, on: cluster, progress))
            } catch {
                // What was measured before is shown all the same.
                guard !result.runs.isEmpty else { throw error }
                failure = error
            }
        }
        if urls.isEmpty {
            result.nodes = nodes
            let told = result.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
            result.provenance = "\(nodes == 1 ? "one node" : "\(nodes) nodes") of its own, told \(told)"
        } else {
            result.provenance = "nodes given by --url, with the limits they have"
        }
        try result.publish(options.output, svg: target.svg)
        if let failure { throw failure }
    }
}

/// The runs of a benchmark, to be shown.
struct BenchResult {
    let name: String
    var runs: [BenchReport] = []
    /// Of a cluster of its own; 0: there was none.
    var nodes = 0
    /// What its nodes were told so that their limits are not in the way, by environment name.
    var settings: [(name: String, value: String)] = []
    /// One line: on what it was measured.
    var provenance = ""

    init(_ name: String) {
        self.name = name
    }

    private struct Document: Encodable {
        let benchmark: String
        let nodes: Int
        let settings: [String: String]
        let runs: [BenchReport]
        let median: BenchReport
    }

    /// Draws and prints it.
    ///
    /// - Throws: `Failure` when something happened in a run that should not have.
    func publish(_ output: OutputOptions, svg: String?) throws {
        let median = BenchReport(medianOf: runs)
        if let svg { try draw(to: svg) }
        if output.json {
            let told = Dictionary(settings.map { ($0.name, $0.value) }) { first, _ in first }
            try output.print(Document(benchmark: name, nodes: nodes, settings: told, runs: runs, median: median))
        } else {
            Terminal.say(table(median) + (provenance.isEmpty ? "" : "\n\n\(provenance)"))
        }
        let complaints = runs.flatMap(\.complaints)
        guard complaints.isEmpty else { throw Failure(complaints.joined(separator: "; ")) }
    }

    private func draw(to file: String) throws {
        let measured = nodes == 0 ? "" : nodes == 1 ? "one node" : "\(nodes) nodes"
        let sockets = runs.first?["sockets"].map { "\(BenchFigure.text($0)) sockets" } ?? ""
        let count = runs.count == 1 ? "one run" : "\(runs.count) runs"
        let facts = [measured, sockets, count].filter { !$0.isEmpty }.joined(separator: ", ")
        let plot = BenchPlot(title: "rejoin bench \(name)", subtitle: facts, runs: runs)
        do {
            try plot.svg.write(toFile: file, atomically: true, encoding: .utf8)
        } catch {
            throw Failure("\(file) cannot be written: \(error)")
        }
    }

    private func table(_ median: BenchReport) -> String {
        var header = ["FIGURE", runs.count > 1 ? "MEDIAN OR MAX" : "MEDIAN"]
        if runs.count > 1 { header += (1...runs.count).map { "RUN \($0)" } }
        let rows = median.figures.map { figure in
            let values = runs.count > 1 ? runs.map { $0[figure.key] ?? 0 } : []
            let worst = figure.isFault && runs.count > 1 ? "max " : ""
            return [figure.label, worst + BenchFigure.text(figure.value)] + values.map(BenchFigure.text)
        }
        return Table.render(header, rows)
    }
}

/// How numbers are written.
enum BenchFigure {
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
