import DequeModule
package import NIOCore

/// Lets handshakes in at a bounded rate, so that everybody's return after a node's death does not kill the next node.
///
/// A token bucket of a tenth of a second's worth; who finds none waits in a bounded queue, in order of arrival.
package struct HandshakeAdmission {
    /// Told whether it is admitted; answers whether the handshake still wanted to be.
    package typealias Ticket = (_ admitted: Bool) -> Bool

    package enum Outcome: Equatable {
        case admitted
        /// The ticket is called later; look again after this time.
        case queued(wait: TimeAmount)
        case refused
    }

    private let perSecond: Int
    private let queueLimit: Int
    private let burst: Double
    private var tokens: Double
    private var updated = NIODeadline.uptimeNanoseconds(0)
    private var queue = Deque<Ticket>()

    package init(perSecond: Int, queue: Int) {
        self.perSecond = perSecond
        self.queueLimit = queue
        self.burst = max(1, Double(perSecond) / 10)
        self.tokens = burst
    }

    /// - Parameter ticket: kept only when the outcome is `queued`.
    package mutating func request(now: NIODeadline, ticket: @escaping Ticket) -> Outcome {
        refill(now)
        if queue.isEmpty, tokens >= 1 {
            tokens -= 1
            return .admitted
        }
        guard queue.count < queueLimit else { return .refused }
        queue.append(ticket)
        return .queued(wait: Self.wait)
    }

    /// The ticket whose turn has come; `nil` when nobody waits, or nobody may go on yet.
    package mutating func next(now: NIODeadline) -> Ticket? {
        refill(now)
        guard tokens >= 1, let ticket = queue.popFirst() else { return nil }
        tokens -= 1
        return ticket
    }

    /// The last ticket was of a peer that is gone: somebody else may go on in its place.
    package mutating func giveBack() {
        tokens = min(burst, tokens + 1)
    }

    package var waiting: Int { queue.count }

    /// How long until those who wait are looked at again.
    package static let wait = TimeAmount.milliseconds(10)

    private mutating func refill(_ now: NIODeadline) {
        let elapsed = Double((now - updated).nanoseconds) / 1e9
        updated = now
        tokens = min(burst, tokens + elapsed * Double(perSecond))
    }
}
