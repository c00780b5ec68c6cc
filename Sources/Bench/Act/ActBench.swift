import Glibc
import NIOCore
import Synchronization

/// How many acts a cluster applies, and that each is applied once although nodes are killed meanwhile.
public struct ActBench: Sendable {
    /// Sockets that act. 1 or more.
    public var players: Int
    /// Rooms they are in, evenly. 1 to `players`.
    public var rooms: Int
    /// Acts of all players together; rounded up to as many for each.
    public var acts: Int
    /// A rate is that of all players together, a number in flight each player's own.
    public var load: BenchLoad
    /// Nodes of the target that are killed, by SIGKILL, evenly over the acts: they must be the caller's own. Fewer than
    /// there are nodes.
    public var kills: Int
    /// Logins and joins under way at a time, before.
    public var window: Int
    /// For each request; and when no act at all is acknowledged for so long, the run is given up.
    public var timeout: Duration
    /// Characters of an act's id; shorter ones are filled with zeros at the front. 0 to 64.
    public var idLength = 0

    public init(players: Int, rooms: Int, acts: Int, load: BenchLoad, kills: Int, window: Int, timeout: Duration) {
        self.players = players
        self.rooms = rooms
        self.acts = acts
        self.load = load
        self.kills = kills
        self.window = window
        self.timeout = timeout
    }

    var actsPerPlayer: Int { (acts + players - 1) / players }

    /// - Throws: `BenchError` when the players cannot be prepared, a node cannot be killed, or no act is acknowledged.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        let target = context.target
        guard kills == 0 || target.nodes.count > kills && target.nodes.count == target.nodeProcesses.count else {
            throw BenchError("expected a cluster of its own with more than \(kills) nodes")
        }
        try context.dialect?.requireAct(delivered: false)
        guard context.dialect?.acknowledges != false else {
            throw BenchError("acts are counted by their acknowledgements, which this server does not send")
        }
        try OpenFiles.require(players)
        var survivors = target
        let victims = Array(target.nodeProcesses.prefix(kills))
        survivors.nodes.removeFirst(kills)
        survivors.nodeProcesses.removeFirst(min(kills, target.nodeProcesses.count))
        let meter = Meter(survivors)
        return try await Crowds.with(context) { [survivors] crowds in
            let run = "\(UInt32.random(in: 0...UInt32.max))"
            let players = try await crowds.all { crowd in
                let share = crowds.share(of: self.players, crowd.index)
                let players = ActPlayers(
                    crowd, self, nodes: target.nodes, numbers: share, run: run, progress: context.progress)
                return NIOLoopBound(players, eventLoop: crowd.eventLoop)
            }
            context.progress.begin("preparing \(self.players) players", total: self.players)
            let prepared = try await crowds.within(self.window, of: self.players) { crowd, window in
                players[crowd.index].value.prepare(window: window)
            }
            try prepared.reduce(Failures(), +).require("logging in and joining")

            let total = self.players * self.actsPerPlayer
            context.progress.begin("\(self.players) players act \(total) times in \(self.rooms) rooms", total: total)
            let begin = try meter.read()
            let now = NIODeadline.now()
            let outcome = crowds.begin { crowd in
                if case .rate(let rate) = self.load {
                    players[crowd.index].value.act(crowds.pace(crowd, rate: rate, of: self.players, from: now))
                } else {
                    players[crowd.index].value.act(nil)
                }
            }
            // Read at once: who watches looks only now and then.
            let ended = outcome.flatMapThrowing { ($0, try meter.read()) }
            let isOver = IsOver(outcome)
            var killed = 0
            do {
                killed = try await self.watch(isOver, killing: victims, total, context)
            } catch {
                let reasons = try await crowds.all { players[$0.index].value.giveUp() }
                guard error is Silence else { throw error }
                let reason = reasons.first { !$0.isEmpty }.map { "; the last failure: \($0)" } ?? ""
                throw BenchError(
                    "no act was acknowledged within \(TimeAmount(self.timeout).seconds) s, \(context.progress.done) of "
                        + "\(total) were before\(reason)")
            }
            let (results, end) = try await ended.get()
            let consumption = Consumption(from: begin, to: end)
            let found = context.dialect == nil ? try await self.versions(crowds, survivors, run) : nil
            return self.report(total, results, killed, found, consumption, meter, context)
        }
    }

    /// Nothing was acknowledged for too long.
    private struct Silence: Error {}

    /// Waits for the end of the acts, and kills the victims when their share of the acts is acknowledged.
    ///
    /// - Returns: how many were killed.
    private func watch(
        _ isOver: IsOver, killing victims: [Int32], _ total: Int, _ context: BenchContext
    ) async throws -> Int {
        var patience = timeout
        // At a low rate there is nothing to acknowledge for a while.
        if case .rate(let rate) = load { patience += .seconds(1 / rate) }
        var killed = 0
        var (count, since) = (context.progress.done, ContinuousClock.now)
        while !isOver.value {
            if context.progress.done > count { (count, since) = (context.progress.done, .now) }
            guard ContinuousClock.now - since < patience else { throw Silence() }
            if killed < victims.count, count >= total * (killed + 1) / (victims.count + 1) {
                context.progress.note("\(count) acts are acknowledged; killing a node")
                guard kill(victims[killed], SIGKILL) == 0 else {
                    throw BenchError(
                        "node process \(victims[killed]) cannot be killed: \(String(cString: strerror(errno)))")
                }
                killed += 1
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        return killed
    }

    /// - Parameter found: The version of each room afterwards; nil: it is not Rejoin, and has none.
    private func report(
        _ total: Int, _ results: [ActPlayers.Result], _ killed: Int, _ found: [Int]?, _ consumption: Consumption,
        _ meter: Meter, _ context: BenchContext
    ) -> BenchReport {
        var latency = Latencies()
        for result in results {
            latency.add(result.latency)
            if !result.lastFailure.isEmpty {
                context.progress.note("the last act that was repeated: \(result.lastFailure)")
            }
        }
        let answers = results.reduce(0) { $0 + $1.answers }
        let failures = results.reduce(Failures()) { $0 + $1.failures }
        var report = BenchReport("act")
        report.add("sockets", "sockets that act", players)
        report.add("rooms", "rooms", rooms)
        report.add("acts", "acts acknowledged", answers)
        report.add("seconds", "seconds", consumption.wallSeconds)
        report.add("acts_per_second", "acts/s", Double(answers) / consumption.wallSeconds)
        if kills == 0 {
            report.addPerCPUSecond("acts", "acts", answers, consumption, meter)
        } else {
            context.progress.note("no acts a CPU-second: what the killed nodes took of it is not known")
        }
        report.add("latency", latency)
        if case .rate = load {
            report.add("acts_late", "acts sent over 10 ms late by the generator", results.reduce(0) { $0 + $1.late })
        }
        report.add("killed", "nodes killed", killed)
        report.add("disconnected", "connections lost", results.reduce(0) { $0 + $1.lost })
        report.add("repeated", "acts sent again by their id", results.reduce(0) { $0 + $1.repeated })
        report.addFaults("acts_failed", "acts that failed", failures.count)
        if let found { self.count(total, results, found, &report) }
        report.add(consumption, meter)
        if failures.count > 0 { report.complain("\(failures.count) acts failed, the first with: \(failures.first)") }
        if killed < kills { report.complain("the acts were over when \(killed) of \(kills) nodes were killed") }
        return report
    }

    /// Each act makes one version of its room: a version too few is an act lost, one too many an act applied twice.
    private func count(_ total: Int, _ results: [ActPlayers.Result], _ found: [Int], _ report: inout BenchReport) {
        var acknowledged = Array(repeating: Set<Int>(), count: rooms)
        for result in results {
            for (room, versions) in result.versions { acknowledged[room].formUnion(versions) }
        }
        let answers = results.reduce(0) { $0 + $1.answers }
        let distinct = acknowledged.reduce(0) { $0 + $1.count }
        let versions = found.reduce(0, +)
        let beyond = zip(acknowledged, found).reduce(0) { sum, room in sum + room.0.count { $0 > room.1 } }
        let failures = results.reduce(0) { $0 + $1.failures.count }
        let lost = (answers - distinct) + beyond + max(0, total - failures - versions)
        let doubled = max(0, versions - total)
        report.addFaults("lost", "lost", lost)
        report.addFaults("doubled", "applied twice", doubled)
        if lost + doubled > 0 { report.complain("\(lost) acts were lost, \(doubled) applied twice") }
    }

    /// The version of each room, as a new socket is told it.
    private func versions(_ crowds: Crowds, _ target: BenchTarget, _ run: String) async throws -> [Int] {
        let timeout = TimeAmount(self.timeout)
        let rooms = self.rooms
        return try await crowds.on(0) { crowd in
            let found = NIOLoopBoundBox(Array(repeating: 0, count: rooms), eventLoop: crowd.eventLoop)
            let looked = crowd.each(0..<rooms, window: 1) { number in
                crowd.open(target.node(0), token: nil, timeout: timeout).assumeIsolated().flatMap { member in
                    crowd.request(
                        member, "join", "{\"room\":\"\(ActPlayers.room(run, number))\"}", timeout: timeout
                    ).assumeIsolated().map { answer in
                        found.value[number] = MessageText.integer("version", in: answer) ?? 0
                        crowd.drop(member)
                    }.nonisolated()
                }.nonisolated()
            }
            return looked.assumeIsolated().flatMapThrowing { failures in
                try failures.require("looking into the rooms")
                return found.value
            }.nonisolated()
        }
    }
}

/// Whether a future has come to its end, for whoever looks from time to time.
private final class IsOver: Sendable {
    private let flag = Atomic<Bool>(false)

    init<T>(_ future: EventLoopFuture<T>) {
        future.whenComplete { _ in self.flag.store(true, ordering: .relaxed) }
    }

    var value: Bool { self.flag.load(ordering: .relaxed) }
}
