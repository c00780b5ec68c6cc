import Glibc
import NIOCore
import SocketIOClient

/// How long it takes until the players of a node that was killed act on the others, still logged in.
public struct RejoinBench: Sendable {
    /// Logged-in players on the node that is killed. 1 or more.
    public var players: Int
    /// Accounts they share; the sockets of an account share one session. 1 to `players`.
    public var accounts: Int
    /// Players of one room. 1 to 500.
    public var playersPerRoom: Int
    /// Registrations under way at a time; each costs the server an Argon2 hash.
    public var window: Int
    /// For each request, and for all players to be back.
    public var timeout: Duration

    public init(players: Int, accounts: Int, playersPerRoom: Int, window: Int, timeout: Duration) {
        self.players = players
        self.accounts = accounts
        self.playersPerRoom = playersPerRoom
        self.window = window
        self.timeout = timeout
    }

    /// Kills the target's first node, by SIGKILL: it must be one that the caller started for this.
    ///
    /// - Throws: `BenchError` when there is no second node, the processes are not known, or the players cannot log in.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        let target = context.target
        guard target.nodes.count > 1, target.nodes.count == target.nodeProcesses.count else {
            throw BenchError("expected a cluster of its own with two nodes or more")
        }
        try OpenFiles.require(self.players)
        var survivors = target
        survivors.nodes.removeFirst()
        let victim = survivors.nodeProcesses.removeFirst()
        let meter = Meter(survivors)
        return try await Crowds.with(context) { [survivors] crowds in
            let timeout = TimeAmount(self.timeout)
            let preparing = ContinuousClock.now
            context.progress.begin("registering \(self.accounts) accounts; logging in, joining and acting")
            let storms = try await crowds.all { crowd in
                let storm = RejoinStorm(
                    crowd, nodes: survivors.nodes, numbers: crowds.share(of: self.players, crowd.index),
                    playersPerRoom: self.playersPerRoom, timeout: timeout)
                return NIOLoopBound(storm, eventLoop: crowd.eventLoop)
            }
            let prepared = try await crowds.within(self.window, of: self.players) { crowd, window in
                let accounts = crowds.share(of: self.accounts, crowd.index).count
                return storms[crowd.index].value.prepare(target.node(0), accounts: max(1, accounts), window: window)
            }
            try prepared.reduce(Failures(), +).require("logging in, joining and acting")
            let preparation = (ContinuousClock.now - preparing) / .seconds(1)

            context.progress.begin("\(self.players) players act on one node; killing it")
            let begin = try meter.read()
            try await crowds.all { storms[$0.index].value.begin = .now() }
            guard kill(victim, SIGKILL) == 0 else {
                throw BenchError("node process \(victim) cannot be killed: \(String(cString: strerror(errno)))")
            }
            let results = try await crowds.each { storms[$0.index].value.result() }
            let consumption = Consumption(from: begin, to: try meter.read())
            let sum = results.reduce(RejoinStorm.Result(), +)
            let kept = try await self.kept(crowds, survivors)
            var report = BenchReport("rejoin")
            report.add("players", "players on the killed node", self.players)
            report.add("preparation_seconds", "preparation, s", preparation)
            report.add("acting_again", "acting on another node", sum.acting.count)
            report.addFaults("not_back", "not back", self.players - sum.acting.count)
            report.add("acts_kept", "acts found in the rooms afterwards", kept)
            report.add("retries", "attempts that failed and were repeated", sum.retries)
            report.add("noticed", sum.noticed)
            report.add("authenticated", sum.authenticated)
            report.add("acting", sum.acting)
            report.add("join", sum.joined)
            report.add(consumption, meter)
            let missing = self.players - sum.acting.count
            if missing > 0 { report.complain("\(missing) players did not come back") }
            if kept != 2 * self.players { report.complain("\(2 * self.players - kept) acknowledged acts were lost") }
            if !sum.lastFailure.isEmpty { context.progress.note("the last attempt that failed: \(sum.lastFailure)") }
            return report
        }
    }

    /// Looks into the rooms with a new socket, for what the players did before and after.
    ///
    /// - Returns: how many acts are there, of two a player.
    private func kept(_ crowds: Crowds, _ target: BenchTarget) async throws -> Int {
        let rooms = (self.players + self.playersPerRoom - 1) / self.playersPerRoom
        let timeout = TimeAmount(self.timeout)
        return try await crowds.on(0) { crowd in
            let found = NIOLoopBoundBox(0, eventLoop: crowd.eventLoop)
            let looked = crowd.each(0..<rooms, window: 1) { number in
                crowd.open(target.node(0), token: nil, timeout: timeout).assumeIsolated().flatMap { member in
                    crowd.request(
                        member, "join", "{\"room\":\"\(RejoinStorm.room(number))\"}", timeout: timeout)
                }.map { answer in
                    found.value += RejoinStorm.acts(in: answer)
                }.nonisolated()
            }
            return looked.assumeIsolated().flatMapThrowing { failures in
                try failures.require("looking into the rooms")
                return found.value
            }.nonisolated()
        }
    }
}
