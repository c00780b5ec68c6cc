import NIOCore
import SocketIOClient
import Synchronization

/// The players of one crowd, who act as fast as they are answered, and repeat by its id what they got no answer to: on
/// whatever node they come back to. Confined to its event loop.
final class ActPlayers: CrowdListener {
    struct Result: Sendable {
        var latency = Latencies()
        /// Acts that were sent again under the same id.
        var repeated = 0
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
    private let acknowledged: Atomics
    private let timeout: TimeAmount
    private var players: [Player] = []
    private var left: Int
    private var measured = Result()
    private var done: EventLoopPromise<Result>?

    /// How many acts of all crowds were acknowledged.
    final class Atomics: Sendable {
        let count = Atomic<Int>(0)
    }

    init(
        _ crowd: Crowd, _ bench: ActBench, nodes: [String], numbers: Range<Int>, run: String, acknowledged: Atomics
    ) {
        self.crowd = crowd
        self.bench = bench
        self.nodes = nodes
        self.numbers = numbers
        self.run = run
        self.acknowledged = acknowledged
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
                self.crowd.register(member, timeout: self.timeout).assumeIsolated().flatMap { _ in
                    self.join(member)
                }.nonisolated()
            }.nonisolated()
        }
    }

    private func node(_ number: Int) -> String { nodes[number % nodes.count] }

    private func roomNumber(_ member: Crowd.Member) -> Int {
        (numbers.lowerBound + member.number) % bench.rooms
    }

    private func join(_ member: Crowd.Member) -> EventLoopFuture<Void> {
        crowd.request(
            member, "join", "{\"room\":\"\(Self.room(run, roomNumber(member)))\"}", timeout: timeout
        ).assumeIsolated().map { _ in }.nonisolated()
    }

    // MARK: Acting

    /// Acts, until every act is acknowledged.
    func act() -> EventLoopFuture<Result> {
        let done = crowd.eventLoop.makePromise(of: Result.self)
        self.done = done
        for member in crowd.members {
            for _ in 0..<bench.window { next(member) }
        }
        if left == 0 { done.succeed(measured) }
        return done.futureResult
    }

    private func next(_ member: Crowd.Member) {
        guard players[member.number].begun < bench.actsPerPlayer else { return }
        let act = Act(number: players[member.number].begun, begin: .now())
        players[member.number].begun += 1
        players[member.number].open.append(act)
        send(act, member)
    }

    private func send(_ act: Act, _ member: Crowd.Member) {
        let number = numbers.lowerBound + member.number
        let room = roomNumber(member)
        let body =
            "{\"room\":\"\(Self.room(run, room))\",\"id\":\"\(number)-\(act.number)\","
            + "\"action\":{\"set\":{\"p\(number)\":\(act.number)}}}"
        crowd.request(member, "act", body, timeout: timeout).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let answer):
                guard let version = MessageText.integer("version", in: answer) else {
                    return self.repeatLater(act, member, "an answer without a version")
                }
                self.measured.versions[room, default: []].append(version)
                self.measured.latency.record(from: act.begin, to: .now())
                self.players[member.number].open.removeAll { $0.number == act.number }
                self.acknowledged.count.add(1, ordering: .relaxed)
                self.left -= 1
                if self.left == 0 { self.done?.succeed(self.measured) }
                self.next(member)
            case .failure(let error):
                // What a lost connection leaves open is sent again by whoever comes back.
                if member.connection?.isOpen == true { self.repeatLater(act, member, "\(error)") }
            }
        }
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
        comeBack(member, attempt: 1)
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
