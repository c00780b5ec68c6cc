import DequeModule

/// The acts of one node on one room that Redis has not answered yet, or whose answer the replica has not caught up
/// with.
///
/// An act that reads what one of them writes would be decided on what will not be so: it waits for that one, in the
/// order of arrival. All others go to Redis at once. Confined to its event loop.
final class ActsInFlight {
    typealias ID = Int

    enum Turn: Sendable {
        /// What the act read before may be current now; its place is kept until it is decided again.
        case decideAgain
        case expired
    }

    private struct Waiter {
        let id: ID
        let isTick: Bool
        let reads: RoomReads
        let writes: [FieldName]
        let continuation: CheckedContinuation<Turn, Never>
    }

    private var claims: [ID: [FieldName]] = [:]
    private var writing: [FieldName: Int] = [:]
    /// Acts that are applied, by the version that the replica has yet to reach.
    private var settling: [(version: Int, id: ID)] = []
    private var waiters: Deque<Waiter> = []
    /// What the ticks read that wait, or may go on and have not yet; as a rule one.
    private var waitingTicks: [ID: RoomReads] = [:]
    private var nextID = 0

    func makeID() -> ID {
        nextID += 1
        return nextID
    }

    var waitingCount: Int { waiters.count }

    /// The least version that the replica has yet to reach.
    var settlingVersion: Int? { settling.lazy.map(\.version).min() }

    func isBlocked(_ reads: RoomReads) -> Bool {
        if claims.isEmpty { return false }
        if reads.isWhole { return true }
        return reads.fields.keys.contains { writing[$0] != nil }
    }

    /// Whether a tick waits for what an act writes. The act then waits behind it: however many acts there are, the tick
    /// has its turn. Those that came before it go first, and the next tick comes after those that came meanwhile.
    func isBarred(_ writes: [FieldName]) -> Bool {
        !waitingTicks.isEmpty && waitingTicks.values.contains { $0.include(writes) }
    }

    func claim(_ id: ID, writes: [FieldName]) {
        claims[id] = writes
        for name in writes { writing[name, default: 0] += 1 }
    }

    /// The act changed nothing, or nobody knows.
    func release(_ id: ID) {
        unclaim(id)
        wake()
    }

    /// Takes back what was kept for an act while it is decided again.
    func unclaim(_ id: ID) {
        waitingTicks[id] = nil
        guard let writes = claims.removeValue(forKey: id) else { return }
        for name in writes {
            guard let count = writing[name] else { continue }
            writing[name] = count > 1 ? count - 1 : nil
        }
    }

    /// The act is applied; what it wrote is current once the replica has that version.
    func settle(_ id: ID, version: Int) {
        settling.append((version, id))
    }

    /// The replica has gone on.
    func reached(_ version: Int) {
        guard !settling.isEmpty else { return }
        var isAny = false
        settling.removeAll { settled in
            guard settled.version <= version else { return false }
            unclaim(settled.id)
            isAny = true
            return true
        }
        if isAny { wake() }
    }

    /// The replica has another epoch: no version that was waited for will come.
    func forgetSettling() {
        for settled in settling { unclaim(settled.id) }
        settling.removeAll()
        wake()
    }

    /// Waits, unless nothing stands in the way any more: the loop may have had a turn since that was asked.
    func wait(
        _ id: ID, isTick: Bool = false, reads: RoomReads, writes: [FieldName],
        continuation: CheckedContinuation<Turn, Never>
    ) {
        guard isBlocked(reads) || (!isTick && isBarred(writes)) else {
            if isTick { waitingTicks[id] = reads }
            claim(id, writes: writes)
            return continuation.resume(returning: .decideAgain)
        }
        waiters.append(Waiter(id: id, isTick: isTick, reads: reads, writes: writes, continuation: continuation))
        if isTick { waitingTicks[id] = reads }
    }

    func expire(_ id: ID) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waitingTicks[id] = nil
        waiters.remove(at: index).continuation.resume(returning: .expired)
        // Who waited behind a tick waits no more.
        wake()
    }

    /// Lets those go on that nobody blocks any more. What they would write is claimed for them at once, so that those
    /// behind them go on waiting.
    func wake() {
        guard !waiters.isEmpty else { return }
        var blocked: Deque<Waiter> = []
        // A tick bars those behind it, not those before it.
        for waiter in waiters where waiter.isTick { waitingTicks[waiter.id] = nil }
        while let waiter = waiters.popFirst() {
            if isBlocked(waiter.reads) || (!waiter.isTick && isBarred(waiter.writes)) {
                blocked.append(waiter)
            } else {
                claim(waiter.id, writes: waiter.writes)
                waiter.continuation.resume(returning: .decideAgain)
            }
            if waiter.isTick { waitingTicks[waiter.id] = waiter.reads }
        }
        waiters = blocked
    }
}
