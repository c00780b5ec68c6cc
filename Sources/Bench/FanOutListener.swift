import NIOCore
import SocketIOClient
import Synchronization

/// What the members of a room saw.
struct FanOutSeen: Sendable {
    var tally = VersionTally()
    var latency = Latencies()
    var bytes = 0
    var snapshots = 0
    var misunderstood = 0
    var closed = 0
    /// Versions that some member had not got at the end.
    var behind = 0

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.tally = left.tally + right.tally
        sum.latency.add(right.latency)
        sum.bytes += right.bytes
        sum.snapshots += right.snapshots
        sum.misunderstood += right.misunderstood
        sum.closed += right.closed
        sum.behind += right.behind
        return sum
    }
}

/// Counts what one crowd's members get. Confined to its event loop.
///
/// The same patch comes to every member: it is read once, and recognized after that.
final class FanOutListener: CrowdListener {
    private(set) var seen = FanOutSeen()
    /// Called for each act that all members of this crowd have got.
    var onDelivered: ((Int) -> Void)?
    private let crowd: Crowd
    private var lastPayload = ByteBuffer()
    private var lastPatch: BenchPatch?
    /// How many members have got an act, by its number modulo the length.
    private var counts = [Int](repeating: 0, count: 4096)

    init(_ crowd: Crowd) {
        self.crowd = crowd
        crowd.listener = self
    }

    func reset() {
        self.seen = FanOutSeen()
    }

    /// What was seen until now, and how far members are behind a version.
    func seen(upTo version: Int) -> FanOutSeen {
        var seen = self.seen
        seen.behind = self.crowd.members.reduce(0) { $0 + max(0, version - $1.version) }
        return seen
    }

    func patch(_ payload: ByteBuffer, to member: Crowd.Member) {
        if payload != self.lastPayload {
            self.lastPatch = BenchPatch(payload)
            // A copy: the slice would keep all of the receive buffer.
            self.lastPayload = ByteBuffer(bytes: payload.readableBytesView)
        }
        guard let patch = self.lastPatch else {
            self.seen.misunderstood += 1
            return
        }
        self.seen.tally.delivered(from: patch.from, version: patch.version, last: &member.version)
        self.seen.bytes += payload.readableBytes
        let now = Int64(NIODeadline.now().uptimeNanoseconds)
        for act in patch.acts {
            self.seen.latency.record(nanoseconds: now - Int64(act.intended))
            self.delivered(act.number)
        }
    }

    func state(_ payload: ByteBuffer, to member: Crowd.Member) {
        self.seen.snapshots += 1
        if let version = MessageText.integer("version", in: payload) { member.version = version }
    }

    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {
        self.seen.closed += 1
    }

    private func delivered(_ number: Int) {
        guard let onDelivered = self.onDelivered else { return }
        let place = number % self.counts.count
        self.counts[place] += 1
        if self.counts[place] == self.crowd.members.count {
            self.counts[place] = 0
            onDelivered(number)
        }
    }
}

/// The listeners of all crowds.
struct FanOutListeners: Sendable {
    private let bound: [NIOLoopBound<FanOutListener>]

    init(_ crowds: Crowds, room: String) async throws {
        self.bound = try await crowds.all { NIOLoopBound(FanOutListener($0), eventLoop: $0.eventLoop) }
    }

    func reset(_ crowds: Crowds) async throws {
        let bound = self.bound
        try await crowds.all { bound[$0.index].value.reset() }
    }

    /// Tells `body`, on the event loop of whichever crowd was last, about each act that every member has got.
    func onDelivered(_ crowds: Crowds, _ body: @escaping @Sendable (Int) -> Void) async throws {
        let bound = self.bound
        let delivery = Delivery(parts: try await crowds.all { !$0.members.isEmpty }.count { $0 })
        try await crowds.all { crowd in
            bound[crowd.index].value.onDelivered = { number in
                if delivery.isWhole(number) { body(number) }
            }
        }
    }

    /// Waits until every member has a version.
    ///
    /// - Returns: what was seen by then, or at the end of `timeout`.
    @discardableResult
    func untilAllHave(version: Int, _ crowds: Crowds, timeout: Duration) async throws -> FanOutSeen {
        let bound = self.bound
        let deadline = ContinuousClock.now + timeout
        while true {
            let seen = try await crowds.all { bound[$0.index].value.seen(upTo: version) }.reduce(FanOutSeen(), +)
            if seen.behind == 0 || ContinuousClock.now >= deadline { return seen }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// In how many crowds an act has been delivered to all members.
private final class Delivery: Sendable {
    private let parts: Int
    private let counts: Mutex<[Int]>

    init(parts: Int) {
        self.parts = parts
        self.counts = Mutex([Int](repeating: 0, count: 4096))
    }

    func isWhole(_ number: Int) -> Bool {
        self.counts.withLock { counts in
            let place = number % counts.count
            counts[place] += 1
            guard counts[place] == self.parts else { return false }
            counts[place] = 0
            return true
        }
    }
}
