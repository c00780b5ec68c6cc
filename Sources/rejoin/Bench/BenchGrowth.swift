import ArgumentParser
import Bench

/// `rejoin bench growth`
struct BenchGrowth: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "growth", abstract: "What a delivery costs with more sockets, more rooms, more nodes.",
        discussion: """
            Fan-out (see bench fanout), each point on a cluster of its own: first --sockets in one room on one node; \
            then the most sockets in --rooms; then the fewest in one room on --node-counts. The rate of acts is such \
            that all points have about the same number of --deliveries a second.

            An act costs more than a delivery, and the more rooms there are, the fewer sockets get each: what the acts \
            alone cost is measured for each point too (as many of them, in as many rooms of one socket), and taken off \
            in the last column. × is the cost against the first point of its kind. All points of a kind have nodes with \
            as many event loops.
            """)

    @Option(help: ArgumentHelp("Sockets, growing, separated by commas.", valueName: "n,n,…"))
    var sockets = "1000,5000,15000"
    @Option(help: ArgumentHelp("Rooms that the most sockets are in.", valueName: "n,n,…"))
    var rooms = "1,10,100,1000"
    @Option(help: ArgumentHelp("Nodes that the fewest sockets are on.", valueName: "n,n,…"))
    var nodeCounts = "1,2,3"
    @Option(help: ArgumentHelp("Deliveries a second.", valueName: "n"))
    var deliveries = 30_000.0
    @Option(help: ArgumentHelp("How long each point is measured.", valueName: "seconds"))
    var duration = 10.0
    @OptionGroup var options: BenchOptions

    /// One cluster and its load.
    private struct Point {
        let kind: String
        let sockets: Int
        let rooms: Int
        let nodes: Int
        let acts: Double
        /// Event loops of each node.
        let threads: Int
    }

    private struct Measured: Encodable {
        let kind: String
        let sockets: Int
        let rooms: Int
        let nodes: Int
        let settings: [String: String]
        /// CPU µs of nodes and Redis a delivery, with the acts and without; and against the first of its kind, where that
        /// is more than nothing.
        let cpuMicroseconds: Double
        let ratio: Double?
        /// Nil where each act is one delivery.
        let withoutActs: Double?
        let ratioWithoutActs: Double?
        /// CPU µs of nodes and Redis an act by itself, its one delivery included.
        let actMicroseconds: Double
        let median: BenchReport
    }

    private struct Document: Encodable {
        let benchmark = "growth"
        let points: [Measured]
    }

    /// What was measured once.
    private struct Run {
        let median: BenchReport
        let settings: [(name: String, value: String)]
    }

    func validate() throws {
        guard (1...10_000_000).contains(deliveries) else {
            throw ValidationError("--deliveries is \(deliveries), expected 1 to 10000000 a second")
        }
        try BenchOptions.require(seconds: duration, 0.1...86_400, "--duration")
        _ = try points()
    }

    private func points() throws -> [Point] {
        let sockets = try BenchOptions.numbers(sockets, atLeast: 1, "--sockets")
        let rooms = try BenchOptions.numbers(rooms, atLeast: 1, "--rooms")
        let nodes = try BenchOptions.numbers(nodeCounts, atLeast: 1, "--node-counts")
        guard let few = sockets.first, let many = sockets.last, let most = rooms.last, most <= many else {
            throw ValidationError("--rooms is \(self.rooms), expected at most as many as sockets")
        }
        try BenchOptions.require(nodes.last ?? 1, 1...16, "--node-counts")
        func point(_ kind: String, _ sockets: Int, _ rooms: Int, _ nodes: Int, mostNodes: Int = 1) -> Point {
            Point(
                kind: kind, sockets: sockets, rooms: rooms, nodes: nodes,
                acts: deliveries / Double(sockets) * Double(rooms), threads: BenchCluster.threads(nodes: mostNodes))
        }
        return sockets.map { point("sockets", $0, 1, 1) } + rooms.map { point("rooms", many, $0, 1) }
            + nodes.map { point("nodes", few, 1, $0, mostNodes: nodes.last ?? 1) }
    }

    func run() throws {
        OpenFiles.raiseLimit()
        var complaints: [String] = []
        var measured: [Measured] = []
        var settings: [String] = []
        for point in try points() {
            let run = try measure(point, &complaints)
            let acts = Point(
                kind: "acts", sockets: point.rooms, rooms: point.rooms, nodes: point.nodes, acts: point.acts,
                threads: point.threads)
            let act = try measure(acts, &complaints).median["cpu_us_per_delivery"] ?? 0
            let cost = run.median["cpu_us_per_delivery"] ?? 0
            let share = (run.median["acts"] ?? 0) / max(1, run.median["deliveries"] ?? 1)
            // An act by itself has a delivery too.
            let rest = share < 1 ? (cost - act * share) / (1 - share) : nil
            let first = measured.first { $0.kind == point.kind }
            measured.append(
                Measured(
                    kind: point.kind, sockets: point.sockets, rooms: point.rooms, nodes: point.nodes,
                    settings: Dictionary(run.settings.map { ($0.name, $0.value) }) { first, _ in first },
                    cpuMicroseconds: cost, ratio: Self.ratio(cost, first?.cpuMicroseconds), withoutActs: rest,
                    ratioWithoutActs: rest.flatMap { Self.ratio($0, first?.withoutActs) }, actMicroseconds: act,
                    median: run.median))
            let told = "\(point.kind): told " + run.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
            if settings.last != told { settings.append(told) }
        }
        if options.output.json {
            try options.output.print(Document(points: measured))
        } else {
            Terminal.say(Self.table(measured) + "\n\n" + settings.joined(separator: "\n"))
        }
        guard complaints.isEmpty else { throw Failure(complaints.joined(separator: "; ")) }
    }

    /// The median of as many runs as are asked for.
    private func measure(_ point: Point, _ complaints: inout [String]) throws -> Run {
        let bench = FanOutBench(
            sockets: point.sockets, rooms: point.rooms, actors: min(8, point.sockets), load: .rate(point.acts),
            duration: .seconds(duration), warmUp: .seconds(min(2, duration)), padding: 0, window: options.window,
            timeout: options.patience)
        let name = "growth, \(point.kind): \(point.sockets) sockets, \(point.rooms) rooms, \(point.nodes) nodes"
        let runner = BenchRunner(name: name, nodes: point.nodes, clientThreads: options.clientThreads)
        var settings: [(name: String, value: String)] = []
        let runs = try (1...options.runs).map { _ in
            let progress = ProgressLine(name)
            let cluster = try BenchCluster(nodes: point.nodes, threads: point.threads, progress)
            defer { cluster.stop() }
            settings = cluster.raised
            return try runner.run({ try await bench.run($0) }, on: cluster, progress)
        }
        complaints += runs.flatMap(\.complaints).map { "\(name): \($0)" }
        return Run(median: BenchReport(medianOf: runs), settings: settings)
    }

    /// - Parameter first: Nil: it is the first.
    private static func ratio(_ value: Double, _ first: Double?) -> Double? {
        let base = first ?? value
        return base > 0 ? value / base : nil
    }

    private static func table(_ points: [Measured]) -> String {
        let header = [
            "GROWING", "SOCKETS", "ROOMS", "NODES", "ACTS/S", "DELIVERIES/S", "P99 MS", "CPU µS/DELIVERY", "×",
            "AN ACT ALONE", "WITHOUT ACTS", "×",
        ]
        let rows = points.map { point in
            let figures = ["acts_per_second", "deliveries_per_second", "latency_p99_ms"].map { point.median[$0] ?? 0 }
            let costs = [
                point.cpuMicroseconds, point.ratio, point.actMicroseconds, point.withoutActs, point.ratioWithoutActs,
            ]
            return [point.kind, "\(point.sockets)", "\(point.rooms)", "\(point.nodes)"]
                + (figures + costs).map { $0.map(BenchFigure.text) ?? "–" }
        }
        return Table.render(header, rows)
    }
}
