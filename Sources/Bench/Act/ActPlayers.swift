import NIOCore
import SocketIOClient

/// The players of one crowd, who act and repeat by its id what they got no answer to: on whatever node they come back to.
/// Confined to its event loop.
///
/// What is refused has failed, unless the refusal says to come again later.
///
/// Players of another server than Rejoin repeat nothing: what is not acknowledged has failed.
final class ActPlayers: CrowdListener {
    struct Result: Sendable {
        var latency = Latencies()
        /// Acts that were acknowledged.
        var answers = 0
        /// Acts that were not, and are not repeated.
        var failures = Failures()
        /// Acts that were sent again under the same id.
        var repeated = 0
        /// Acts sent over 10 ms late by the generator.
        var late = 0
        /// Connections that were lost.
        var lost = 0
        /// The acknowledged versions of each room.
        var versions: [Int: [Int]] = [:]
        var lastFailure = ""
    }

    private struct Act {
        let number: Int
        let begin: NIODeadline
    }

    /// What a player of this crowd, by its member's number, has begun and has no answer to.
    private struct Player {
        var begun = 0
        var open: [Act] = []
        /// From the end of a connection to the answer to `join` on the next one: what is begun meanwhile is sent then.
        var isReturning = false
        /// Connections it lost: what an earlier one left unanswered is no longer looked at.
        var losses = 0
    }

    private let crowd: Crowd
    private let bench: ActBench
    private let nodes: [String]
    private let numbers: Range<Int>
    private let run: String
    private let stamps: StampFormat
    private let progress: BenchProgress
    private let timeout: TimeAmount
    private var players: [Player] = []
    private var left: Int
    private var pace: Pace?
    private var measured = Result()
    private var done: EventLoopPromise<Result>?
    private var isOver = false

    init(
        _ crowd: Crowd, _ bench: ActBench, nodes: [String], numbers: Range<Int>, run: String, progress: BenchProgress
    ) {
        self.crowd = crowd
        self.bench = bench
        self.nodes = nodes
        self.numbers = numbers
        self.run = run
        self.stamps = StampFormat(run: run, padding: 0)
        self.progress = progress
        self.timeout = TimeAmount(bench.timeout)
        self.left = numbers.count * bench.actsPerPlayer
        crowd.listener = self
    }

    static func room(_ run: String, _ number: Int) -> String { "bench-act-\(run)-\(number)" }

    // MARK: Before

    /// Opens the sockets, spread over the nodes, registers an account with each, and joins a room.
    ///
    /// An account each: of a user's acts in a room only the last 128 ids are remembered.
    func prepare(window: Int) -> EventLoopFuture<Failures> {
        players = Array(repeating: Player(), count: numbers.count)
        return crowd.each(0..<numbers.count, window: window) { number in
            self.crowd.open(self.node(number), token: nil, timeout: self.timeout).assumeIsolated().flatMap { member in
                let loggedIn =
                    self.crowd.dialect.map { self.crowd.logIn(member, $0, as: self.socketName(member), self.timeout) }
                    ?? self.crowd.register(member, timeout: self.timeout).map { _ in }
                return loggedIn.assumeIsolated().flatMap { self.join(member) }.nonisolated()
            }.map { self.progress.advance() }.nonisolated()
        }
    }

    private func node(_ number: Int) -> String { nodes[number % nodes.count] }

    private func roomNumber(_ member: Crowd.Member) -> Int {
        (numbers.lowerBound + member.number) % bench.rooms
    }

    private func socketName(_ member: Crowd.Member) -> String { "\(run)-\(numbers.lowerBound + member.number)" }

    private func join(_ member: Crowd.Member) -> EventLoopFuture<Void> {
        crowd.join(member, Self.room(run, roomNumber(member)), timeout)
    }

    // MARK: Acting

    /// Acts, until every act is acknowledged.
    ///
    /// - Parameter pace: When acts begin, over the players in turn; nil: when one of that player is acknowledged.
    func act(_ pace: Pace?) -> EventLoopFuture<Result> {
        let done = crowd.eventLoop.makePromise(of: Result.self)
        self.done = done
        for member in crowd.members where member.connection?.isOpen != true { lose(member) }
        if let pace {
            self.pace = pace
            var turn = 0
            pace.begin { intended in
                guard turn < self.numbers.count * self.bench.actsPerPlayer else { return false }
                self.next(self.crowd.members[turn % self.numbers.count], intended)
                turn += 1
                return true
            }
        } else if case .inFlight(let count) = bench.load {
            for member in crowd.members {
                for _ in 0..<count { next(member, .now()) }
            }
        }
        finishIfDone()
        return done.futureResult
    }

    private func next(_ member: Crowd.Member, _ intended: NIODeadline) {
        guard players[member.number].begun < bench.actsPerPlayer else { return }
        let act = Act(number: players[member.number].begun, begin: intended)
        players[member.number].begun += 1
        players[member.number].open.append(act)
        send(act, member)
    }

    private func send(_ act: Act, _ member: Crowd.Member) {
        guard crowd.dialect == nil else { return speak(act, member) }
        let losses = players[member.number].losses
        guard !players[member.number].isReturning else { return }
        let number = numbers.lowerBound + member.number
        let room = roomNumber(member)
        let id = "\(number)-\(act.number)"
        let zeros = String(repeating: "0", count: max(0, bench.idLength - id.utf8.count))
        let body =
            "{\"room\":\"\(Self.room(run, room))\",\"id\":\"\(zeros)\(id)\","
            + "\"action\":{\"set\":{\"p\(number)\":\(act.number)}}}"
        crowd.call(member, "act", body, timeout: timeout).assumeIsolated().whenComplete { result in
            switch result.map(ActAnswer.init) {
            case .success(.applied(let version)): self.acknowledged(act, member, version: version)
            case .success(.later(let text)): self.repeatLater(act, member, losses, "act was refused: \(text)")
            case .success(.refused(let text)): self.failed(act, member, BenchError("act was refused: \(text)"))
            // What a lost connection leaves open is sent again when the player is back.
            case .failure(let error): self.repeatLater(act, member, losses, "\(error)")
            }
        }
    }

    private func speak(_ act: Act, _ member: Crowd.Member) {
        guard let request = crowd.dialect?.act else { return }
        let number = act.number * bench.players + numbers.lowerBound + member.number
        let stamp = BenchAct(number: number, intended: Int(act.begin.uptimeNanoseconds))
        let argument = request.argument.filled(
            room: Self.room(run, roomNumber(member)), socket: socketName(member), number: number,
            stamp: stamps.text(stamp))
        crowd.speak(member, request.event, argument, acknowledged: true, timeout: timeout).assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success: self.acknowledged(act, member, version: nil)
                case .failure(let error):
                    // Whoever is gone stays away, with what there was still to do.
                    if member.connection?.isOpen != true {
                        let rest = self.bench.actsPerPlayer - self.players[member.number].begun
                        self.players[member.number].begun = self.bench.actsPerPlayer
                        self.measured.failures.count += rest
                        self.left -= rest
                    }
                    self.failed(act, member, error)
                }
            }
    }

    /// A second answer counts for nothing: acts that were sent while the connection was being replaced are sent again.
    private func acknowledged(_ act: Act, _ member: Crowd.Member, version: Int?) {
        guard take(act, member) else { return }
        if let version { measured.versions[roomNumber(member), default: []].append(version) }
        measured.latency.record(from: act.begin, to: .now())
        measured.answers += 1
        progress.advance()
        left -= 1
        over(member)
    }

    private func failed(_ act: Act, _ member: Crowd.Member, _ error: any Error) {
        guard take(act, member) else { return }
        measured.failures.add(error)
        left -= 1
        over(member)
    }

    /// - Returns: whether there was no answer to it yet.
    private func take(_ act: Act, _ member: Crowd.Member) -> Bool {
        guard let place = players[member.number].open.firstIndex(where: { $0.number == act.number }) else {
            return false
        }
        players[member.number].open.remove(at: place)
        return true
    }

    private func over(_ member: Crowd.Member) {
        if pace == nil { next(member, .now()) }
        finishIfDone()
    }

    private func finishIfDone() {
        if left == 0 { finish() }
    }

    /// The end, also of what has no answer.
    ///
    /// - Returns: the reason of the last act that was repeated, or of the last return that failed; or else of the first
    ///   act that failed. Empty: nothing did.
    func giveUp() -> String {
        finish()
        return measured.lastFailure.isEmpty ? measured.failures.first : measured.lastFailure
    }

    private func finish() {
        isOver = true
        measured.late = pace?.late ?? 0
        pace?.cancel()
        let done = self.done.take()
        done?.succeed(measured)
    }

    /// - Parameter losses: Connections the player had lost when it was sent.
    private func repeatLater(_ act: Act, _ member: Crowd.Member, _ losses: Int, _ why: String) {
        guard players[member.number].losses == losses else { return }
        measured.lastFailure = why
        crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
            let player = self.players[member.number]
            guard !self.isOver, player.losses == losses, !player.isReturning,
                player.open.contains(where: { $0.number == act.number })
            else { return }
            self.measured.repeated += 1
            self.send(act, member)
        }
    }

    // MARK: Coming back

    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {
        guard done != nil, left > 0 else { return }
        lose(member)
    }

    /// A connection that is lost on the way back fails a request, and coming back begins anew.
    private func lose(_ member: Crowd.Member) {
        guard !players[member.number].isReturning else { return }
        measured.lost += 1
        guard crowd.dialect == nil else { return }
        players[member.number].isReturning = true
        players[member.number].losses += 1
        comeBack(member, attempt: 1)
    }

    private func comeBack(_ member: Crowd.Member, attempt: Int) {
        crowd.open(member, node(member.number + attempt), token: member.token, timeout: min(timeout, .seconds(5)))
            .assumeIsolated()
            .flatMapThrowing { member in
                guard member.isLoggedIn else { throw BenchError("came back as a watcher") }
                return member
            }
            .flatMap { self.join($0) }
            .whenComplete { result in
                switch result {
                case .success:
                    self.players[member.number].isReturning = false
                    for act in self.players[member.number].open {
                        self.measured.repeated += 1
                        self.send(act, member)
                    }
                case .failure(let error):
                    self.measured.lastFailure = "\(error)"
                    self.crowd.drop(member)
                    self.crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
                        guard !self.isOver else { return }
                        self.comeBack(member, attempt: attempt + 1)
                    }
                }
            }
    }
}
