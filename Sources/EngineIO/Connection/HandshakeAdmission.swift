import DequeModule
package import NIOCore
import Synchronization

/// How many handshakes may go on, and how many may wait: of the whole node, however its event loops share them.
///
/// A token bucket of a tenth of a second's worth. Any thread may call.
package final class HandshakeBudget: Sendable {
    private struct State {
        var tokens: Double
        var updated = NIODeadline.uptimeNanoseconds(0)
        var waiting = 0
    }

    enum Answer {
        case admitted
        /// A place in the queue is taken.
        case wait
        case refused
    }

    private let perSecond: Double
    private let places: Int
    private let burst: Double
    private let state: Mutex<State>

    /// - Parameters:
    ///   - perSecond: handshakes a second. One or more.
    ///   - queue: how many may wait. Zero or more.
    package init(perSecond: Int, queue: Int) {
        self.perSecond = Double(perSecond)
        self.places = queue
        self.burst = max(1, Double(perSecond) / 10)
        self.state = Mutex(State(tokens: burst))
    }

    convenience init(_ configuration: EngineConfiguration) {
        self.init(perSecond: max(1, configuration.handshakesPerSecond), queue: max(0, configuration.handshakeQueue))
    }

    /// Somebody has come: nobody overtakes those who wait, on whatever event loop.
    func request(now: NIODeadline) -> Answer {
        state.withLock { state in
            refill(&state, now)
            if state.waiting == 0, state.tokens >= 1 {
                state.tokens -= 1
                return .admitted
            }
            guard state.waiting < places else { return .refused }
            state.waiting += 1
            return .wait
        }
    }

    /// - Parameter waiting: how many wait on the event loop that asks. One or more.
    /// - Returns: How many of them may go on: its share by their number, so that no event loop is always too late.
    func take(waiting: Int, now: NIODeadline) -> Int {
        state.withLock { state in
            refill(&state, now)
            guard state.tokens >= 1, state.waiting > 0 else { return 0 }
            let share = state.tokens * Double(waiting) / Double(state.waiting)
            let count = min(waiting, max(1, Int(share)))
            state.tokens -= Double(count)
            state.waiting -= count
            return count
        }
    }

    /// A peer that was to go on is gone: somebody else may in its place.
    func giveBack() {
        state.withLock { $0.tokens = min(burst, $0.tokens + 1) }
    }

    /// Event loops read the time one after the other, and may ask in another order.
    private func refill(_ state: inout State, _ now: NIODeadline) {
        guard now > state.updated else { return }
        let elapsed = Double((now - state.updated).nanoseconds) / 1e9
        state.updated = now
        state.tokens = min(burst, state.tokens + elapsed * perSecond)
    }
}

/// Lets an event loop's handshakes in at the node's rate, so that everybody's return after a node's death does not kill the
/// next node: who finds no token waits in a bounded queue, in order of arrival.
package struct HandshakeAdmission {
    /// Told whether it is admitted; answers whether the handshake still wanted to be.
    package typealias Ticket = (_ admitted: Bool) -> Bool

    package enum Outcome: Equatable {
        case admitted
        /// The ticket is called later; look again after this time.
        case queued(wait: TimeAmount)
        case refused
    }

    private let budget: HandshakeBudget
    private var queue = Deque<Ticket>()

    package init(_ budget: HandshakeBudget) {
        self.budget = budget
    }

    /// - Parameter ticket: kept only when the outcome is `queued`.
    package mutating func request(now: NIODeadline, ticket: @escaping Ticket) -> Outcome {
        switch budget.request(now: now) {
        case .admitted: return .admitted
        case .refused: return .refused
        case .wait:
            queue.append(ticket)
            return .queued(wait: Self.wait)
        }
    }

    /// The tickets whose turn has come; none when nobody waits, or nobody may go on yet.
    package mutating func next(now: NIODeadline) -> [Ticket] {
        guard !queue.isEmpty else { return [] }
        let count = budget.take(waiting: queue.count, now: now)
        defer { queue.removeFirst(count) }
        return Array(queue.prefix(count))
    }

    /// A ticket was of a peer that is gone: somebody else may go on in its place.
    package func giveBack() {
        budget.giveBack()
    }

    package var waiting: Int { queue.count }

    /// How long until those who wait are looked at again.
    package static let wait = TimeAmount.milliseconds(10)
}
