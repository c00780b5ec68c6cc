import NIOCore

/// What it costs to tell a room's sockets what happened: some of them act, all of them get each patch.
public struct FanOutBench: Sendable {
    /// How acts are sent.
    public enum Load: Sendable, Equatable {
        /// So many a second, whatever the answers do (open loop); latency counts from when an act should have been sent.
        case rate(Double)
        /// The next one when one has been delivered to every socket, so many at a time.
        case inFlight(Int)
    }

    /// Sockets in the room, the acting ones too. 1 or more.
    public var sockets: Int
    /// How many of them act, all of one player's session; 1 to `sockets`.
    public var actors: Int
    public var load: Load
    /// How long acts are sent, after a warm-up.
    public var duration: Duration
    public var warmUp: Duration
    /// Bytes of padding in each act.
    public var padding: Int
    /// Handshakes and joins under way at a time.
    public var window: Int
    /// For each request, and for the last patch to arrive.
    public var timeout: Duration

    public init(
        sockets: Int, actors: Int, load: Load, duration: Duration, warmUp: Duration, padding: Int, window: Int,
        timeout: Duration
    ) {
        self.sockets = sockets
        self.actors = actors
        self.load = load
        self.duration = duration
        self.warmUp = warmUp
        self.padding = padding
        self.window = window
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the room cannot be filled.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try OpenFiles.require(self.sockets)
        let meter = Meter(context.target)
        return try await Crowds.with(context) { crowds in
            let room = "bench-\(UInt64.random(in: 0...UInt64.max))"
            let listeners = try await self.fill(room, crowds, context)
            context.progress("\(self.sockets) sockets in one room, \(self.actors) act; warming up")
            let sender = try await crowds.makeSender(self, room, listeners)
            let timeout = TimeAmount(self.timeout)
            let warm = try await sender.run(crowds, load: self.load, duration: self.warmUp, timeout: timeout)
            try await listeners.untilAllHave(version: warm.lastVersion, crowds, timeout: self.timeout)
            try await listeners.reset(crowds)

            context.progress("measuring for \(self.duration)")
            let begin = try meter.read()
            let sent = try await sender.run(crowds, load: self.load, duration: self.duration, timeout: timeout)
            let arrived = try await listeners.untilAllHave(
                version: sent.lastVersion, crowds, timeout: self.timeout)
            let consumption = Consumption(from: begin, to: try meter.read())
            if sent.failures.count > 0 { context.progress("the first act that failed: \(sent.failures.first)") }
            return self.report(sent, arrived, consumption, meter)
        }
    }

    private func report(
        _ sent: FanOutSender.Outcome, _ arrived: FanOutSeen, _ consumption: Consumption, _ meter: Meter
    ) -> BenchReport {
        var report = BenchReport("fanout")
        let seconds = consumption.wallSeconds
        let tally = arrived.tally
        report.add("sockets", "sockets in the room", self.sockets)
        report.add("acts", "acts applied", sent.applied)
        report.add("acts_failed", "acts that failed", sent.failures.count)
        report.add("acts_per_second", "acts/s", Double(sent.applied) / seconds)
        report.add("acts_late", "acts sent over 10 ms late by the generator", sent.late)
        report.add("deliveries", "deliveries", tally.deliveries)
        report.add("patches", "patches (frames) delivered", tally.patches)
        let patchBytes = tally.patches > 0 ? Double(arrived.bytes) / Double(tally.patches) : 0
        report.add("bytes_per_patch", "bytes per patch", patchBytes)
        report.add("seconds", "seconds", seconds)
        report.add("deliveries_per_second", "deliveries/s", Double(tally.deliveries) / seconds)
        report.addPerCPUSecond("deliveries", "deliveries", tally.deliveries, consumption, meter)
        report.add("latency", arrived.latency)
        report.add("act_latency", sent.latency)
        report.add("lost", "lost", tally.lost + arrived.behind)
        report.add("doubled", "doubled", tally.doubled)
        report.add("reordered", "reordered", tally.reordered)
        report.add("snapshots", "snapshots in place of patches", arrived.snapshots)
        report.add("closed", "sockets closed by the server", arrived.closed)
        report.add("misunderstood", "messages not understood", arrived.misunderstood)
        report.add(consumption, meter)
        let wrong = tally.lost + arrived.behind + tally.doubled + tally.reordered
        if wrong > 0 { report.complain("\(wrong) deliveries were lost, doubled or out of order") }
        if sent.failures.count > 0 { report.complain("\(sent.failures.count) acts failed") }
        if arrived.closed > 0 { report.complain("\(arrived.closed) sockets were closed by the server") }
        return report
    }

    /// Logs a player in, opens the sockets over all nodes, and joins the room with each.
    private func fill(_ room: String, _ crowds: Crowds, _ context: BenchContext) async throws -> FanOutListeners {
        let timeout = TimeAmount(self.timeout)
        let actors = self.actors
        let target = context.target
        // The acting sockets are the first of the first crowd, so that one event loop sends.
        let token = try await crowds.on(0) { crowd in
            crowd.registered(target.node(0), timeout: timeout)
        }
        let failures = try await crowds.on(0) { crowd in
            crowd.each(0..<(actors - 1), window: 8) { number in
                crowd.open(target.node(number + 1), token: token, timeout: timeout)
                    .assumeIsolated().map { _ in }.nonisolated()
            }
        }
        try failures.require("opening the acting sockets")
        let watchers = try await crowds.open(self.sockets - actors, window: self.window, timeout: timeout, target)
        try watchers.failures.require("opening sockets")
        let listeners = try await FanOutListeners(crowds, room: room)
        let window = max(1, self.window / crowds.count)
        let joined = try await crowds.each { crowd in
            crowd.each(0..<crowd.members.count, window: window) { number in
                crowd.request(crowd.members[number], "join", "{\"room\":\"\(room)\"}", timeout: timeout)
                    .assumeIsolated().map { _ in }.nonisolated()
            }
        }
        try joined.reduce(Failures(), +).require("joining the room")
        return listeners
    }
}

extension Crowd {
    /// Opens a guest's socket and registers a new account with it.
    ///
    /// - Returns: the player's token.
    func registered(_ url: String, timeout: TimeAmount) -> EventLoopFuture<String> {
        self.open(url, token: nil, timeout: timeout).assumeIsolated().flatMap { member in
            self.register(member, timeout: timeout)
        }.nonisolated()
    }
}
