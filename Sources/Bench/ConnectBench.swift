import NIOCore

/// How many handshakes a server does: TCP, upgrade, Engine.IO open, CONNECT, and the first `session` event, each as a
/// new guest.
public struct ConnectBench: Sendable {
    /// How many sockets are opened, and stay open until the end. 1 or more.
    public var sockets: Int
    /// Handshakes under way at a time. 1 or more.
    public var window: Int
    /// For one handshake.
    public var timeout: Duration

    public init(sockets: Int, window: Int, timeout: Duration) {
        self.sockets = sockets
        self.window = window
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the sockets cannot be opened for want of files; a handshake that fails is counted.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try OpenFiles.require(self.sockets)
        let meter = Meter(context.target)
        return try await Crowds.with(context) { crowds in
            context.progress("opening \(self.sockets) sockets, \(self.window) at a time")
            let begin = try meter.read()
            let opened = try await crowds.open(
                self.sockets, window: self.window, timeout: TimeAmount(self.timeout), context.target)
            let consumption = Consumption(from: begin, to: try meter.read())
            let successes = self.sockets - opened.failures.count
            var report = BenchReport("connect")
            report.add("handshakes", "handshakes", successes)
            report.add("failures", "failures", opened.failures.count)
            report.add("seconds", "seconds", consumption.wallSeconds)
            report.add("handshakes_per_second", "handshakes/s", Double(successes) / consumption.wallSeconds)
            report.addPerCPUSecond("handshakes", "handshakes", successes, consumption, meter)
            report.add("latency", opened.latency)
            report.add(consumption, meter)
            if opened.failures.count > 0 {
                report.complain("\(opened.failures.count) handshakes failed, the first with: \(opened.failures.first)")
            }
            return report
        }
    }
}

/// The outcome of opening many sockets.
struct Opened: Sendable {
    var failures = Failures()
    var latency = Latencies()
}

extension Crowds {
    /// Opens guests' sockets, over all nodes in turn.
    func open(_ sockets: Int, window: Int, timeout: TimeAmount, _ target: BenchTarget) async throws -> Opened {
        let window = Swift.max(1, window / self.count)
        let parts = try await self.each { crowd in
            let latency = NIOLoopBoundBox(Latencies(), eventLoop: crowd.eventLoop)
            let opening = crowd.each(self.share(of: sockets, crowd.index), window: window) { number in
                let begin = NIODeadline.now()
                return crowd.open(target.node(number), token: nil, timeout: timeout).assumeIsolated().map { _ in
                    latency.value.record(from: begin, to: .now())
                }.nonisolated()
            }
            return opening.assumeIsolated().map { Opened(failures: $0, latency: latency.value) }.nonisolated()
        }
        return parts.reduce(into: Opened()) { sum, part in
            sum.failures = sum.failures + part.failures
            sum.latency.add(part.latency)
        }
    }
}
