import NIOCore

/// How many handshakes a server does: TCP, upgrade, Engine.IO open, CONNECT, and the first event (`session`), each as a
/// new guest.
public struct ConnectBench: Sendable {
    /// How many sockets are opened, and stay open until the end. 1 or more.
    public var sockets: Int
    public var load: BenchLoad
    /// For one handshake.
    public var timeout: Duration

    public init(sockets: Int, load: BenchLoad, timeout: Duration) {
        self.sockets = sockets
        self.load = load
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the sockets cannot be opened for want of files; a handshake that fails is counted.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try OpenFiles.require(self.sockets)
        let meter = Meter(context.target)
        return try await Crowds.with(context) { crowds in
            context.progress.begin("opening \(self.sockets) sockets", total: self.sockets)
            let begin = try meter.read()
            let opened = try await crowds.open(
                self.sockets, self.load, timeout: TimeAmount(self.timeout), context)
            let consumption = Consumption(from: begin, to: try meter.read())
            let open = try await crowds.all { $0.openCount }.reduce(0, +)
            let successes = self.sockets - opened.failures.count
            var report = BenchReport("connect")
            report.add("handshakes", "handshakes", successes)
            report.addFaults("failures", "failures", opened.failures.count)
            report.add("seconds", "seconds", consumption.wallSeconds)
            report.add("handshakes_per_second", "handshakes/s", Double(successes) / consumption.wallSeconds)
            report.addPerCPUSecond("handshakes", "handshakes", successes, consumption, meter)
            if case .rate = self.load { report.add("late", "begun over 10 ms late by the generator", opened.late) }
            report.add("latency", opened.latency)
            report.add("open", "open at the end", open)
            report.add(consumption, meter)
            if open < successes { report.complain("\(successes - open) of \(successes) sockets did not stay open") }
            if opened.failures.count > 0 {
                report.complain("\(opened.failures.count) handshakes failed, the first with: \(opened.failures.first)")
            }
            return report
        }
    }
}

extension Crowds {
    /// Opens guests' sockets, over all nodes in turn.
    func open(
        _ sockets: Int, _ load: BenchLoad, timeout: TimeAmount, _ context: BenchContext
    ) async throws -> Outcome {
        try await self.steps(sockets, load, context) { crowd, number in
            crowd.open(context.target.node(number), token: nil, timeout: timeout).map { _ in }
        }
    }
}
