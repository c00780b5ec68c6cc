import NIOCore
import SocketIOClient

/// The players of one crowd, who act and repeat by its id what they got no answer to: on whatever node they come back to.
/// Confined to its event loop.
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
        let number = numbers.lowerBound + member.number
        let room = roomNumber(member)
        let id = "\(number)-\(act.number)"
        let zeros = String(repeating: "0", count: max(0, bench.idLength - id.utf8.count))
        let body =
            "{\"room\":\"\(Self.room(run, room))\",\"id\":\"\(zeros)\(id)\","
            + "\"action\":{\"set\":{\"p\(number)\":\(act.number)}}}"
        crowd.request(member, "act", body, timeout: timeout).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let answer):
                guard let version = MessageText.integer("version", in: answer) else {
                    return self.repeatLater(act, member, "an answer without a version")
                }
                self.acknowledged(act, member, version: version)
            case .failure(let error):
                // What a lost connection leaves open is sent again by whoever comes back.
                if member.connection?.isOpen == true { self.repeatLater(act, member, "\(error)") }
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
                    self.measured.failures.add(error)
                    self.players[member.number].open.removeAll { $0.number == act.number }
                    self.left -= 1
                    // Whoever is gone stays away, with what there was still to do.
                    guard member.connection?.isOpen != true else { return self.over(member) }
                    let rest = self.bench.actsPerPlayer - self.players[member.number].begun
                    self.players[member.number].begun = self.bench.actsPerPlayer
                    self.measured.failures.count += rest
                    self.left -= rest
                    self.finishIfDone()
                }
            }
    }

    /// A second answer counts for nothing: acts that were sent while the connection was being replaced are sent again.
    private func acknowledged(_ act: Act, _ member: Crowd.Member, version: Int?) {
        guard let place = players[member.number].open.firstIndex(where: { $0.number == act.number }) else { return }
        players[member.number].open.remove(at: place)
        if let version { measured.versions[roomNumber(member), default: []].append(version) }
        measured.latency.record(from: act.begin, to: .now())
        measured.answers += 1
        progress.advance()
        left -= 1
        over(member)
    }

    private func over(_ member: Crowd.Member) {
        if pace == nil { next(member, .now()) }
        finishIfDone()
    }

    private func finishIfDone() {
        guard left == 0 else { return }
        measured.late = pace?.late ?? 0
        let done = self.done.take()
        done?.succeed(measured)
    }

    private func repeatLater(_ act: Act, _ member: Crowd.Member, _ why: String) {
        measured.lastFailure = why
        crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100)) {
            guard member.connection?.isOpen == true else { return }
            self.measured.repeated += 1
            self.send(act, member)
        }
    }

    // MARK: Coming back

    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {
        guard done != nil, left > 0 else { return }
        measured.lost += 1
        if crowd.dialect == nil { comeBack(member, attempt: 1) }
    }

    private func comeBack(_ member: Crowd.Member, attempt: Int) {
        crowd.open(member, node(member.number + attempt), token: member.token, timeout: .seconds(5)).assumeIsolated()
            .flatMap { self.join($0) }
            .whenComplete { result in
                switch result {
                case .success:
                    for act in self.players[member.number].open {
                        self.measured.repeated += 1
                        self.send(act, member)
                    }
                case .failure(let error):
                    self.measured.lastFailure = "\(error)"
                    self.crowd.drop(member)
                    self.crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
                        self.comeBack(member, attempt: attempt + 1)
                    }
                }
            }
    }
}
