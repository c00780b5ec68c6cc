import NIOCore

/// What it costs to tell a room's sockets what happened: some of them act, all of them get each act.
public struct FanOutBench: Sendable {
    /// Sockets in all rooms, the acting ones too. 1 or more.
    public var sockets: Int
    /// Rooms, each with as many sockets, give or take one. 1 to `sockets`.
    public var rooms: Int
    /// How many sockets act, all of one player's session: rounded up to as many in each room; at most `sockets`.
    public var actors: Int
    /// Of all rooms together, which take turns. In a closed loop, the next act is sent when one has been delivered to every
    /// socket of its room, has failed, or has been on its way for five seconds.
    public var load: BenchLoad
    /// How long acts are sent, after a warm-up.
    public var duration: Duration
    public var warmUp: Duration
    /// Bytes of padding in each act.
    public var padding: Int
    /// Handshakes and joins under way at a time.
    public var window: Int
    /// For each request, and for the last act to arrive.
    public var timeout: Duration

    public init(
        sockets: Int, rooms: Int = 1, actors: Int, load: BenchLoad, duration: Duration, warmUp: Duration, padding: Int,
        window: Int, timeout: Duration
    ) {
        self.sockets = sockets
        self.rooms = rooms
        self.actors = actors
        self.load = load
        self.duration = duration
        self.warmUp = warmUp
        self.padding = padding
        self.window = window
        self.timeout = timeout
    }

    /// How many acts can be under way in a room so that a merged patch carries each.
    ///
    /// - Parameter padding: see ``padding``.
    public static func mostInFlight(padding: Int) -> Int { BenchAct.fields(padding: padding) }

    /// - Throws: `BenchError` when the rooms cannot be filled.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try context.dialect?.requireAct(delivered: true)
        try OpenFiles.require(self.sockets)
        let plan = FanOutPlan(rooms: self.rooms, actors: self.actors, dialect: context.dialect)
        guard plan.actors <= self.sockets else {
            throw BenchError("\(plan.actors) sockets act, expected at most the \(self.sockets) there are")
        }
        guard !plan.excludesSender || self.sockets >= 2 * self.rooms else {
            throw BenchError("nobody is sent an act, expected two sockets in each room")
        }
        let meter = Meter(context.target)
        return try await Crowds.with(context) { crowds in
            let run = "\(UInt32.random(in: 0...UInt32.max))"
            let stamps = StampFormat(run: run, padding: self.padding)
            let reader = context.dialect == nil ? FanOutReader.patches : .stamps(stamps, plan)
            let listeners = try await self.fill(run, plan, reader, crowds, context)
            let sender = try await crowds.makeSender(self, plan, run: run, stamps: stamps, listeners)
            let timeout = TimeAmount(self.timeout)
            context.progress.begin("warming up", for: self.warmUp)
            let warm = try await sender.run(crowds, load: self.load, duration: self.warmUp, timeout: timeout)
            let warmed = try await listeners.untilAllHave(warm.target, crowds, timeout: self.timeout)
            try warm.failures.require("acting, in the warm-up")
            guard warmed.tally.deliveries > 0 || warm.applied == 0 else {
                throw BenchError("\(warm.applied) acts of the warm-up were delivered to nobody")
            }
            try await listeners.reset(crowds)

            context.progress.begin("measuring", for: self.duration)
            let begin = try meter.read()
            let last = LastArrival { try meter.read() }
            async let _: Void = listeners.watch(crowds, after: self.duration, last)
            let sent = try await sender.run(crowds, load: self.load, duration: self.duration, timeout: timeout)
            let arrived = try await listeners.untilAllHave(sent.target, crowds, timeout: self.timeout, last)
            let consumption = Consumption(from: begin, to: try last.reading ?? meter.read())
            if sent.failures.count > 0 { context.progress.note("the first act that failed: \(sent.failures.first)") }
            return self.report(plan, sent, arrived, consumption, meter)
        }
    }

    private func report(
        _ plan: FanOutPlan, _ sent: FanOutSender.Outcome, _ arrived: FanOutSeen, _ consumption: Consumption,
        _ meter: Meter
    ) -> BenchReport {
        var report = BenchReport("fanout")
        let seconds = consumption.wallSeconds
        let tally = arrived.tally
        report.add("sockets", "sockets", self.sockets)
        report.add("rooms", "rooms they are in", self.rooms)
        report.add("actors", "sockets that act", plan.actors)
        report.add("acts", "acts applied", sent.applied)
        report.addFaults("acts_failed", "acts that failed", sent.failures.count)
        if case .inFlight = self.load {
            report.addFaults("acts_given_up", "acts that had not come everywhere in time", sent.givenUp)
        }
        report.add("acts_per_second", "acts/s", Double(sent.applied) / seconds)
        report.add("acts_late", "acts sent over 10 ms late by the generator", sent.late)
        report.add("deliveries", "deliveries", tally.deliveries)
        report.add("patches", "messages that brought them", arrived.messages)
        let bytes = arrived.messages > 0 ? Double(arrived.bytes) / Double(arrived.messages) : 0
        report.add("bytes_per_patch", "bytes of a message", bytes)
        report.add("seconds", "seconds", seconds)
        report.add("deliveries_per_second", "deliveries/s", Double(tally.deliveries) / seconds)
        report.addPerCPUSecond("deliveries", "deliveries", tally.deliveries, consumption, meter)
        if meter.seesServer, tally.deliveries > 0 {
            let microseconds = consumption.serverCPUSeconds / Double(tally.deliveries) * 1_000_000
            report.add("cpu_us_per_delivery", "CPU µs of the server a delivery", microseconds)
        }
        report.add("latency", arrived.latency)
        report.add("act_latency", sent.latency)
        report.addFaults("lost", "lost", tally.lost + arrived.behind)
        report.addFaults("missing", "of them not there when waiting for them ended", arrived.behind)
        report.addFaults("doubled", "doubled", tally.doubled)
        report.addFaults("reordered", "reordered", tally.reordered)
        report.addFaults("snapshots", "snapshots in place of patches", arrived.snapshots)
        report.addFaults("skipped", "versions that snapshots jumped over", arrived.skipped)
        if plan.serverCounts { report.addFaults("unseen", "deliveries without their act", arrived.unseen) }
        report.addFaults("closed", "sockets closed by the server", arrived.closed)
        report.addFaults("misunderstood", "messages not understood", arrived.misunderstood)
        report.add(consumption, meter)
        let wrong = tally.lost + arrived.behind + tally.doubled + tally.reordered
        if wrong > 0 { report.complain("\(wrong) deliveries were lost, doubled or out of order") }
        if arrived.behind > 0 { report.complain("\(arrived.behind) of them had not come when waiting for them ended") }
        if arrived.skipped > 0 { report.complain("\(arrived.skipped) versions came by snapshots, not by patches") }
        if arrived.unseen > 0 { report.complain("\(arrived.unseen) deliveries were without their act") }
        if arrived.misunderstood > 0 { report.complain("\(arrived.misunderstood) messages were not understood") }
        if sent.failures.count > 0 { report.complain("\(sent.failures.count) acts failed") }
        if sent.givenUp > 0 {
            let limit = FanOutSender.patience.seconds
            report.complain("\(sent.givenUp) acts had not come to every socket after \(limit) s")
        }
        if arrived.closed > 0 { report.complain("\(arrived.closed) sockets were closed by the server") }
        return report
    }

    /// Logs the acting sockets in, opens the others over all nodes, and joins a room with each.
    private func fill(
        _ run: String, _ plan: FanOutPlan, _ reader: FanOutReader, _ crowds: Crowds, _ context: BenchContext
    ) async throws -> FanOutListeners {
        let timeout = TimeAmount(self.timeout)
        let watchers = self.sockets - plan.actors
        context.progress.begin("opening \(plan.actors) sockets that act", total: plan.actors)
        try await self.openActors(run, plan, crowds, context)
        context.progress.begin("opening \(watchers) sockets", total: watchers)
        let opened = try await crowds.open(watchers, .inFlight(self.window), timeout: timeout, context)
        try opened.failures.require("opening sockets")
        let listeners = try await FanOutListeners(crowds, plan, reader, watchers: watchers)
        context.progress.begin("joining \(self.rooms) rooms", total: self.sockets)
        let window = max(1, self.window / crowds.count)
        let joined = try await crowds.each { crowd in
            let first = crowds.share(of: watchers, crowd.index).lowerBound
            return crowd.each(0..<crowd.members.count, window: window) { number in
                let acting = crowd.index == 0 ? plan.actors : 0
                let socket = number < acting ? number : plan.actors + first + number - acting
                let room = FanOutSender.room(run, plan.room(socket: socket))
                return crowd.join(crowd.members[number], room, timeout).always { _ in context.progress.advance() }
            }
        }
        try joined.reduce(Failures(), +).require("joining the rooms")
        // Nobody says when it has been done.
        if context.dialect?.acknowledges == false { try await Task.sleep(for: .seconds(1)) }
        return listeners
    }

    /// They are the first of the first crowd, so that one event loop sends.
    private func openActors(
        _ run: String, _ plan: FanOutPlan, _ crowds: Crowds, _ context: BenchContext
    ) async throws {
        let timeout = TimeAmount(self.timeout)
        let target = context.target
        let token =
            if context.dialect == nil {
                Optional(try await crowds.on(0) { $0.registered(target.node(0), timeout: timeout) })
            } else {
                String?.none
            }
        let rest = (token == nil ? 0 : 1)..<plan.actors
        let failures = try await crowds.on(0) { crowd in
            crowd.each(rest, window: 8) { number in
                crowd.open(target.node(number), token: token, timeout: timeout).assumeIsolated().flatMap { member in
                    context.progress.advance()
                    guard let dialect = crowd.dialect else { return crowd.eventLoop.makeSucceededVoidFuture() }
                    return crowd.logIn(member, dialect, as: "\(run)-\(number)", timeout)
                }.nonisolated()
            }
        }
        try failures.require("opening the acting sockets")
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
