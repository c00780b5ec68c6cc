import NIOCore

/// What idle sockets cost: memory by the slope over several numbers of sockets, and the CPU of their heartbeats.
public struct IdleBench: Sendable {
    /// Numbers of open sockets at which memory is read, growing; at least two.
    public var steps: [Int]
    /// How long the last step is held while CPU is measured.
    public var hold: Duration
    /// How long a step settles before memory is read.
    public var settle: Duration
    /// Handshakes under way at a time.
    public var window: Int
    /// For one handshake.
    public var timeout: Duration

    public init(steps: [Int], hold: Duration, settle: Duration, window: Int, timeout: Duration) {
        self.steps = steps
        self.hold = hold
        self.settle = settle
        self.window = window
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the server's processes are not known, when the sockets cannot all be opened, or do not
    ///   stay open.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        let meter = Meter(context.target)
        guard meter.seesServer else { throw BenchError("the server's processes are not known, expected --pid") }
        guard let most = self.steps.last, self.steps.count > 1, zip(self.steps, self.steps.dropFirst()).allSatisfy(<)
        else { throw BenchError("expected two or more growing numbers of sockets") }
        try OpenFiles.require(most)
        return try await Crowds.with(context) { crowds in
            let empty = try meter.read()
            var points: [(sockets: Int, bytes: Int)] = []
            for step in self.steps {
                let more = step - (points.last?.sockets ?? 0)
                context.progress.begin("opening sockets up to \(step)", total: more)
                let opened = try await crowds.open(
                    more, .inFlight(self.window), timeout: TimeAmount(self.timeout), context)
                try opened.failures.require("opening sockets")
                context.progress.begin("settling", for: self.settle)
                try await Task.sleep(for: self.settle)
                points.append((step, try meter.read().nodes.residentBytes))
                context.progress.note("\(step) sockets: nodes hold \((points.last?.bytes ?? 0) / 1024) KiB")
            }
            context.progress.begin("holding \(most) sockets", for: self.hold)
            let begin = try meter.read()
            try await Task.sleep(for: self.hold)
            let consumption = Consumption(from: begin, to: try meter.read())
            let alive = try await crowds.all { $0.openCount }
            guard alive.reduce(0, +) == most else {
                throw BenchError("\(most - alive.reduce(0, +)) of \(most) sockets did not stay open")
            }
            var report = BenchReport("idle")
            report.add("nodes_rss_before_bytes", "nodes' RSS before the first socket, bytes", empty.nodes.residentBytes)
            if meter.seesRedis {
                report.add("redis_rss_before_bytes", "Redis' RSS before, bytes", empty.others.residentBytes)
            }
            for point in points {
                report.add("nodes_rss_\(point.sockets)_bytes", "nodes' RSS at \(point.sockets) sockets", point.bytes)
            }
            if meter.seesRedis {
                report.add("redis_rss_after_bytes", "Redis' RSS after, bytes", begin.others.residentBytes)
            }
            report.add("bytes_per_socket", "nodes' RSS per socket, bytes (slope)", Self.slope(points))
            let curve = points.map { BenchReport.Point(x: Double($0.sockets), y: Double($0.bytes)) }
            report.add(.init(key: "memory", title: "nodes' resident memory", kind: .memory, points: curve))
            report.add("hold_seconds", "held, s", consumption.wallSeconds)
            report.add(consumption, meter)
            return report
        }
    }

    /// Least squares.
    static func slope(_ points: [(sockets: Int, bytes: Int)]) -> Double {
        let count = Double(points.count)
        let meanX = points.reduce(0) { $0 + Double($1.sockets) } / count
        let meanY = points.reduce(0) { $0 + Double($1.bytes) } / count
        let covariance = points.reduce(0) { $0 + (Double($1.sockets) - meanX) * (Double($1.bytes) - meanY) }
        let variance = points.reduce(0) { $0 + (Double($1.sockets) - meanX) * (Double($1.sockets) - meanX) }
        return variance > 0 ? covariance / variance : 0
    }
}
