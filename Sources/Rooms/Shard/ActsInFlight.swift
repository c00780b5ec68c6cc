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
        let reads: RoomReads
        let writes: [FieldName]
        let continuation: CheckedContinuation<Turn, Never>
    }

    private var claims: [ID: [FieldName]] = [:]
    private var writing: [FieldName: Int] = [:]
    /// Acts that are applied, by the version that the replica has yet to reach.
    private var settling: [(version: Int, id: ID)] = []
    private var waiters: Deque<Waiter> = []
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

    func wait(_ id: ID, reads: RoomReads, writes: [FieldName], continuation: CheckedContinuation<Turn, Never>) {
        waiters.append(Waiter(id: id, reads: reads, writes: writes, continuation: continuation))
    }

    func expire(_ id: ID) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).continuation.resume(returning: .expired)
    }

    /// Lets those go on that nobody blocks any more. What they would write is claimed for them at once, so that those
    /// behind them go on waiting.
    func wake() {
        guard !waiters.isEmpty else { return }
        var blocked: Deque<Waiter> = []
        while let waiter = waiters.popFirst() {
            if isBlocked(waiter.reads) {
                blocked.append(waiter)
            } else {
                claim(waiter.id, writes: waiter.writes)
                waiter.continuation.resume(returning: .decideAgain)
            }
        }
        waiters = blocked
    }
}
