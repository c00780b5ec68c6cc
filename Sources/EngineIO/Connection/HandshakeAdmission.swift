import DequeModule
package import NIOCore

/// Lets handshakes in at a bounded rate, so that everybody's return after a node's death does not kill the next node.
///
/// A token bucket of a tenth of a second's worth; who finds none waits in a bounded queue, in order of arrival.
package struct HandshakeAdmission {
    package typealias Ticket = (_ admitted: Bool) -> Void

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
        return .queued(wait: wait)
    }

    /// Whose turn has come.
    ///
    /// - Returns: The tickets to call, and when to look again if somebody still waits.
    package mutating func turn(now: NIODeadline) -> (tickets: [Ticket], again: TimeAmount?) {
        refill(now)
        var tickets: [Ticket] = []
        while tokens >= 1, let ticket = queue.popFirst() {
            tokens -= 1
            tickets.append(ticket)
        }
        return (tickets, queue.isEmpty ? nil : wait)
    }

    package var waiting: Int { queue.count }

    private var wait: TimeAmount { .milliseconds(10) }

    private mutating func refill(_ now: NIODeadline) {
        let elapsed = Double((now - updated).nanoseconds) / 1e9
        updated = now
        tokens = min(burst, tokens + elapsed * Double(perSecond))
    }
}
