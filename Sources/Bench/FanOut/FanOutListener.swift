import NIOCore
import SocketIOClient
import Synchronization

/// What the members of a room saw.
struct FanOutSeen: Sendable {
    var tally = VersionTally()
    var latency = Latencies()
    /// Messages that were understood, and their bytes.
    var messages = 0
    var bytes = 0
    var snapshots = 0
    /// Versions that snapshots jumped over, or took back.
    var skipped = 0
    /// Deliveries without their act, or the other way round: no latency is known of them.
    var unseen = 0
    var misunderstood = 0
    var closed = 0
    /// Numbers that some member had not got at the end.
    var behind = 0

    /// Messages of any kind.
    var arrived: Int { self.messages + self.snapshots + self.misunderstood }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.tally = left.tally + right.tally
        sum.latency.add(right.latency)
        sum.messages += right.messages
        sum.bytes += right.bytes
        sum.snapshots += right.snapshots
        sum.skipped += right.skipped
        sum.unseen += right.unseen
        sum.misunderstood += right.misunderstood
        sum.closed += right.closed
        sum.behind += right.behind
        return sum
    }
}

/// Counts what one crowd's members get. Confined to its event loop.
///
/// The same message comes to every member of a room: it is read once, and recognized after that.
final class FanOutListener: CrowdListener {
    /// What a member has, by its number.
    private struct Place {
        let room: Int
        /// The sequence of its own acts, when it acts and is not sent them.
        let silent: Int?
        /// How far it is in each sequence of its room.
        var progress: [VersionProgress]
    }

    private(set) var seen = FanOutSeen()
    /// Called for each act that all members of its room in this crowd have got.
    var onDelivered: ((Int) -> Void)? {
        didSet { self.counts = ActCounts() }
    }
    private let plan: FanOutPlan
    private let reader: FanOutReader
    private var places: [Place]
    /// How many members of this crowd are sent an act, by its room.
    private var expected: [Int]
    private var lastPayload = ByteBuffer()
    private var lastMessage: FanOutMessage?
    /// How many members have got each act; nil where nobody asks.
    private var counts: ActCounts?

    /// - Parameter numbers: the running numbers of the crowd's members among all sockets, in their order.
    init(_ crowd: Crowd, _ plan: FanOutPlan, _ reader: FanOutReader, numbers: [Int]) {
        self.plan = plan
        self.reader = reader
        self.places = numbers.map { number in
            let isSilent = plan.excludesSender && number < plan.actors
            return Place(
                room: plan.room(socket: number), silent: isSilent ? plan.sequence(actor: number) : nil,
                progress: Array(repeating: VersionProgress(), count: plan.sequences))
        }
        var expected = Array(repeating: 0, count: plan.rooms)
        for place in self.places { expected[place.room] += 1 }
        // All acting sockets are in the first crowd.
        if plan.excludesSender, crowd.index == 0 { expected = expected.map { $0 - 1 } }
        self.expected = expected
        crowd.listener = self
    }

    func reset() {
        self.seen = FanOutSeen()
        for place in self.places.indices {
            for sequence in 0..<self.plan.sequences { self.places[place].progress[sequence].beginTally() }
        }
    }

    /// The rooms whose acts are sent to members of this crowd.
    var rooms: [Bool] { self.expected.map { $0 > 0 } }

    /// What was seen until now, and how far members are behind.
    ///
    /// - Parameter target: the last number of each sequence, by room.
    func seen(upTo target: [[Int]]) -> FanOutSeen {
        var seen = self.seen
        for place in self.places {
            for (sequence, progress) in place.progress.enumerated() where sequence != place.silent {
                seen.behind += max(0, target[place.room][sequence] - progress.last)
            }
        }
        return seen
    }

    func delivered(_ payload: ByteBuffer, to member: Crowd.Member) {
        if payload != self.lastPayload {
            self.lastMessage = self.reader.read(payload)
            // A copy: the slice would keep all of the receive buffer.
            self.lastPayload = ByteBuffer(bytes: payload.readableBytesView)
        }
        guard let message = self.lastMessage else {
            self.seen.misunderstood += 1
            return
        }
        for step in message.steps {
            self.seen.tally.delivered(
                from: step.from, version: step.version, &self.places[member.number].progress[step.sequence])
        }
        self.seen.messages += 1
        self.seen.unseen += message.unseen
        self.seen.bytes += payload.readableBytes
        let now = Int64(NIODeadline.now().uptimeNanoseconds)
        for act in message.acts {
            self.seen.latency.record(nanoseconds: now - Int64(act.intended))
            self.delivered(act.number)
        }
    }

    func state(_ payload: ByteBuffer, to member: Crowd.Member) {
        self.seen.snapshots += 1
        if let version = MessageText.integer("version", in: payload) {
            self.seen.skipped += self.places[member.number].progress[0].snapshot(version)
        }
    }

    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {
        self.seen.closed += 1
        // Acts need not come there any more.
        let room = self.places[member.number].room
        self.expected[room] = max(1, self.expected[room] - 1)
    }

    private func delivered(_ number: Int) {
        guard let onDelivered = self.onDelivered else { return }
        let total = self.expected[self.plan.room(act: number)]
        if self.counts?.isWhole(number, of: total) == true { onDelivered(number) }
    }
}

/// The listeners of all crowds.
struct FanOutListeners: Sendable {
    private let bound: [NIOLoopBound<FanOutListener>]
    private let plan: FanOutPlan

    /// - Parameter watchers: how many sockets there are beside those that act.
    init(_ crowds: Crowds, _ plan: FanOutPlan, _ reader: FanOutReader, watchers: Int) async throws {
        self.plan = plan
        self.bound = try await crowds.all { crowd in
            let acting = crowd.index == 0 ? Array(0..<plan.actors) : []
            let watching = crowds.share(of: watchers, crowd.index).map { plan.actors + $0 }
            let listener = FanOutListener(crowd, plan, reader, numbers: acting + watching)
            return NIOLoopBound(listener, eventLoop: crowd.eventLoop)
        }
    }

    func reset(_ crowds: Crowds) async throws {
        let bound = self.bound
        try await crowds.all { bound[$0.index].value.reset() }
    }

    /// Tells `body`, on the event loop of whichever crowd was last, about each act that every member has got.
    func onDelivered(_ crowds: Crowds, _ body: @escaping @Sendable (Int) -> Void) async throws {
        let bound = self.bound
        let plan = self.plan
        let rooms = try await crowds.all { bound[$0.index].value.rooms }
        let parts = (0..<plan.rooms).map { room in rooms.count { $0[room] } }
        let delivery = Delivery()
        try await crowds.all { crowd in
            bound[crowd.index].value.onDelivered = { number in
                if delivery.isWhole(number, parts: parts[plan.room(act: number)]) { body(number) }
            }
        }
    }

    /// Waits until every member has what was sent.
    ///
    /// - Parameters:
    ///   - target: the last number of each sequence, by room.
    ///   - last: told how much has arrived.
    /// - Returns: what was seen by then, or at the end of `timeout`.
    func untilAllHave(
        _ target: [[Int]], _ crowds: Crowds, timeout: Duration, _ last: LastArrival<Meter.Reading>? = nil
    ) async throws -> FanOutSeen {
        let bound = self.bound
        let deadline = ContinuousClock.now + timeout
        while true {
            let seen = try await crowds.all { bound[$0.index].value.seen(upTo: target) }.reduce(FanOutSeen(), +)
            try last?.look(arrived: seen.arrived)
            if seen.behind == 0 || ContinuousClock.now >= deadline { return seen }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Tells `last` how much has arrived, from the end of sending until it is cancelled: acts may be waiting for their
    /// answers.
    func watch(_ crowds: Crowds, after duration: Duration, _ last: LastArrival<Meter.Reading>) async throws {
        let bound = self.bound
        try await Task.sleep(for: duration)
        while true {
            try last.look(arrived: try await crowds.all { bound[$0.index].value.seen.arrived }.reduce(0, +))
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// In how many crowds an act has been delivered to all members.
private final class Delivery: Sendable {
    private let counts = Mutex(ActCounts())

    /// - Parameter parts: how many crowds have members that are sent it.
    func isWhole(_ number: Int, parts: Int) -> Bool {
        self.counts.withLock { $0.isWhole(number, of: parts) }
    }
}
