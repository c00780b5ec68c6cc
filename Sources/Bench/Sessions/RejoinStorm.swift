import NIOCore
import SocketIOClient

/// The players of one crowd, who lose their node and come back on another. Confined to its event loop.
///
/// Each player has two fields of a room: what was done before, and what was done after.
final class RejoinStorm: CrowdListener {
    struct Result: Sendable {
        /// From the request to join to its answer.
        var joined = Latencies()
        /// From the kill to the closed connection, to `session` with `login: true`, to the acknowledged act.
        var noticed = Latencies()
        var authenticated = Latencies()
        var acting = Latencies()
        var retries = 0
        var lastFailure = ""

        static func + (left: Self, right: Self) -> Self {
            var sum = left
            sum.joined.add(right.joined)
            sum.noticed.add(right.noticed)
            sum.authenticated.add(right.authenticated)
            sum.acting.add(right.acting)
            sum.retries += right.retries
            if !right.lastFailure.isEmpty { sum.lastFailure = right.lastFailure }
            return sum
        }
    }

    /// When the node was killed.
    var begin: NIODeadline?
    private let crowd: Crowd
    private let nodes: [String]
    private let numbers: Range<Int>
    private let playersPerRoom: Int
    private let timeout: TimeAmount
    private var measured = Result()
    private var isOver = false
    /// Who lost the node, by the member's number.
    private var returning: Set<Int> = []
    private var done: EventLoopPromise<Result>?

    init(_ crowd: Crowd, nodes: [String], numbers: Range<Int>, playersPerRoom: Int, timeout: TimeAmount) {
        self.crowd = crowd
        self.nodes = nodes
        self.numbers = numbers
        self.playersPerRoom = playersPerRoom
        self.timeout = timeout
        crowd.listener = self
    }

    static func room(_ number: Int) -> String { "bench-rejoin-\(number)" }

    /// How many fields of players there are in the answer to `join`: their values are numbers that nothing else has.
    static func acts(in answer: ByteBuffer) -> Int {
        let bytes = answer.readableBytesView
        let value = Array("\"acted\"".utf8)
        var count = 0
        var index = bytes.startIndex
        while index + value.count <= bytes.endIndex {
            if bytes[index] == value[0], bytes[index..<(index + value.count)].elementsEqual(value) { count += 1 }
            index += 1
        }
        return count
    }

    // MARK: Before

    /// Logs the players in on a node, joins their rooms and acts once with each.
    func prepare(_ url: String, accounts: Int, window: Int) -> EventLoopFuture<Failures> {
        let accounts = min(accounts, self.numbers.count)
        let registered = self.crowd.each(0..<accounts, window: window) { _ in
            self.crowd.open(url, token: nil, timeout: self.timeout).assumeIsolated().flatMap { member in
                self.crowd.register(member, timeout: self.timeout).assumeIsolated().flatMap { _ in
                    self.joinAndAct(member, "before")
                }.nonisolated()
            }.nonisolated()
        }
        return registered.assumeIsolated().flatMap { failures in
            guard failures.count == 0 else { return self.crowd.eventLoop.makeSucceededFuture(failures) }
            return self.crowd.each(accounts..<self.numbers.count, window: window) { number in
                let token = self.crowd.members[number % accounts].token
                return self.crowd.open(url, token: token, timeout: self.timeout).assumeIsolated().flatMap { member in
                    self.joinAndAct(member, "before")
                }.nonisolated()
            }
        }.nonisolated()
    }

    private func joinAndAct(_ member: Crowd.Member, _ what: String) -> EventLoopFuture<Void> {
        let number = self.numbers.lowerBound + member.number
        let room = Self.room(number / self.playersPerRoom)
        let since =
            member.epoch.isEmpty ? "" : ",\"since\":{\"epoch\":\"\(member.epoch)\",\"version\":\(member.version)}"
        let act =
            "{\"room\":\"\(room)\",\"id\":\"\(number)-\(what)\",\"action\":{\"set\":{\"\(number)-\(what)\":\"acted\"}}}"
        let asked = NIODeadline.now()
        return self.crowd.request(member, "join", "{\"room\":\"\(room)\"\(since)}", timeout: self.timeout)
            .assumeIsolated().flatMap { _ in
                if self.begin != nil { self.measured.joined.record(from: asked, to: .now()) }
                return self.crowd.request(member, "act", act, timeout: self.timeout)
            }.map { _ in }.nonisolated()
    }

    // MARK: After

    /// What became of the players: known when all are back, or at the end of the time.
    func result() -> EventLoopFuture<Result> {
        let done = self.crowd.eventLoop.makePromise(of: Result.self)
        self.done = done
        self.crowd.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { self.finish() }
        self.finishIfAllAreBack()
        return done.futureResult
    }

    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {
        // A connection that is lost on the way back fails a request, which is repeated.
        guard let begin = self.begin, !self.isOver, self.returning.insert(member.number).inserted else { return }
        self.measured.noticed.record(from: begin, to: .now())
        self.comeBack(member, attempt: 0, begin)
    }

    /// At once: the official clients wait a second first, which is left out here.
    private func comeBack(_ member: Crowd.Member, attempt: Int, _ begin: NIODeadline) {
        let url = self.nodes[(member.number + attempt) % self.nodes.count]
        let back = self.crowd.open(member, url, token: member.token, timeout: .seconds(5)).assumeIsolated()
            .flatMapThrowing { member in
                guard member.isLoggedIn else { throw BenchError("came back as a watcher") }
                self.measured.authenticated.record(from: begin, to: .now())
            }.flatMap {
                self.joinAndAct(member, "after")
            }
        back.whenComplete { result in
            switch result {
            case .success:
                self.measured.acting.record(from: begin, to: .now())
                self.finishIfAllAreBack()
            case .failure(let error):
                self.measured.retries += 1
                self.measured.lastFailure = "\(error)"
                self.comeBackLater(member, attempt: attempt + 1, begin)
            }
        }
    }

    private func comeBackLater(_ member: Crowd.Member, attempt: Int, _ begin: NIODeadline) {
        self.crowd.drop(member)
        self.crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
            guard !self.isOver else { return }
            self.comeBack(member, attempt: attempt, begin)
        }
    }

    private func finishIfAllAreBack() {
        if self.measured.acting.count == self.numbers.count { self.finish() }
    }

    private func finish() {
        self.isOver = true
        let done = self.done.take()
        done?.succeed(self.measured)
    }

    // MARK: Patches

    func delivered(_ payload: ByteBuffer, to member: Crowd.Member) {
        guard let version = MessageText.integer("version", in: payload), version > member.version,
            let epoch = MessageText.string("epoch", in: payload)
        else { return }
        member.version = version
        member.epoch = epoch
    }

    func state(_ payload: ByteBuffer, to member: Crowd.Member) {
        self.delivered(payload, to: member)
    }
}
