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
    /// Acts of a player under way at a time.
    public var window: Int
    /// Nodes of the target that are killed, by SIGKILL, evenly over the acts: they must be the caller's own. Fewer than
    /// there are nodes.
    public var kills: Int
    /// For each request.
    public var timeout: Duration

    public init(players: Int, rooms: Int, acts: Int, window: Int, kills: Int, timeout: Duration) {
        self.players = players
        self.rooms = rooms
        self.acts = acts
        self.window = window
        self.kills = kills
        self.timeout = timeout
    }

    var actsPerPlayer: Int { (acts + players - 1) / players }

    /// - Throws: `BenchError` when the players cannot be prepared, or a node cannot be killed.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        let target = context.target
        guard kills == 0 || target.nodes.count > kills && target.nodes.count == target.nodeProcesses.count else {
            throw BenchError("expected a cluster of its own with more than \(kills) nodes")
        }
        try OpenFiles.require(players)
        var survivors = target
        let victims = Array(target.nodeProcesses.prefix(kills))
        survivors.nodes.removeFirst(kills)
        survivors.nodeProcesses.removeFirst(min(kills, target.nodeProcesses.count))
        let meter = Meter(survivors)
        return try await Crowds.with(context) { [survivors] crowds in
            let run = "\(UInt32.random(in: 0...UInt32.max))"
            let acknowledged = ActPlayers.Atomics()
            let players = try await crowds.all { crowd in
                let share = crowds.share(of: self.players, crowd.index)
                let players = ActPlayers(
                    crowd, self, nodes: target.nodes, numbers: share, run: run,
                    acknowledged: acknowledged)
                return NIOLoopBound(players, eventLoop: crowd.eventLoop)
            }
            let window = max(1, 64 / crowds.count)
            let prepared = try await crowds.each { players[$0.index].value.prepare(window: window) }
            try prepared.reduce(Failures(), +).require("logging in and joining")

            let total = self.players * self.actsPerPlayer
            context.progress("\(self.players) sockets act \(total) times in \(self.rooms) rooms")
            let begin = try meter.read()
            let outcome = crowds.begin { players[$0.index].value.act() }
            try await self.killing(victims, total, acknowledged, context)
            let results = try await outcome.get()
            let consumption = Consumption(from: begin, to: try meter.read())
            let found = try await self.versions(crowds, survivors, run)
            return self.report(total, results, found, consumption, meter, context)
        }
    }

    /// Kills the victims when their share of the acts is acknowledged, and tells how it goes.
    private func killing(
        _ victims: [Int32], _ total: Int, _ acknowledged: ActPlayers.Atomics, _ context: BenchContext
    ) async throws {
        var told = 0
        var killed = 0
        while true {
            let count = acknowledged.count.load(ordering: .relaxed)
            if killed < victims.count, count >= total * (killed + 1) / (victims.count + 1) {
                context.progress("\(count) acts are acknowledged; killing a node")
                guard kill(victims[killed], SIGKILL) == 0 else {
                    throw BenchError(
                        "node process \(victims[killed]) cannot be killed: \(String(cString: strerror(errno)))")
                }
                killed += 1
            }
            if count >= total { return }
            if count * 10 / total > told {
                told = count * 10 / total
                context.progress("\(told * 10) %")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func report(
        _ total: Int, _ results: [ActPlayers.Result], _ found: [Int], _ consumption: Consumption, _ meter: Meter,
        _ context: BenchContext
    ) -> BenchReport {
        var latency = Latencies()
        var acknowledged = Array(repeating: Set<Int>(), count: rooms)
        var answers = 0
        for result in results {
            latency.add(result.latency)
            for (room, versions) in result.versions {
                answers += versions.count
                acknowledged[room].formUnion(versions)
            }
            if !result.lastFailure.isEmpty { context.progress("the last act that was repeated: \(result.lastFailure)") }
        }
        // Each act makes one version of its room: a version too few is an act lost, one too many an act applied twice.
        let distinct = acknowledged.reduce(0) { $0 + $1.count }
        let versions = found.reduce(0, +)
        let beyond = zip(acknowledged, found).reduce(0) { sum, room in sum + room.0.count { $0 > room.1 } }
        let lost = (answers - distinct) + beyond + max(0, total - versions)
        let doubled = max(0, versions - total)
        var report = BenchReport("act")
        report.add("sockets", "sockets that act", players)
        report.add("rooms", "rooms", rooms)
        report.add("acts", "acts acknowledged", answers)
        report.add("seconds", "seconds", consumption.wallSeconds)
        report.add("acts_per_second", "acts/s", Double(answers) / consumption.wallSeconds)
        report.addPerCPUSecond("acts", "acts", answers, consumption, meter)
        report.add("latency", latency)
        report.add("killed", "nodes killed", kills)
        report.add("disconnected", "connections lost", results.reduce(0) { $0 + $1.lost })
        report.add("repeated", "acts sent again by their id", results.reduce(0) { $0 + $1.repeated })
        report.add("lost", "lost", lost)
        report.add("doubled", "applied twice", doubled)
        report.add(consumption, meter)
        if lost + doubled > 0 { report.complain("\(lost) acts were lost, \(doubled) applied twice") }
        return report
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
