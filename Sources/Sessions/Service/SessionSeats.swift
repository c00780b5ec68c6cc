import Synchronization

/// How many sockets of this node each session has, and how that changed since the session's record was told. An alias
/// counts for itself: who holds an old secret takes no seat from the session's owner. Any thread may call.
final class SessionSeats: Sendable {
    /// Whose seats are counted.
    struct Name: Hashable {
        let handle: SessionHandle
        let isAlias: Bool
    }

    /// One socket's place among those of its session; given back when nobody holds it any more.
    final class Seat: Sendable {
        private let seats: SessionSeats
        private let name: Name

        fileprivate init(_ seats: SessionSeats, _ name: Name) {
            self.seats = seats
            self.name = name
        }

        deinit { seats.leave(name) }
    }

    private struct State {
        var taken: [Name: Int] = [:]
        /// What the records are still to be told.
        var untold: [Name: Int] = [:]
        /// Sessions that had all their seats taken a moment ago.
        var full: [Name: ContinuousClock.Instant] = [:]

        mutating func add(_ change: Int, untoldOf name: Name) {
            let sum = untold[name, default: 0] + change
            untold[name] = sum == 0 ? nil : sum
        }
    }

    private let state = Mutex(State())
    /// For so long nobody is asked again whether a session is full.
    private static let fullFor = Duration.seconds(1)

    /// Takes a seat for a socket whose CONNECT the record has counted.
    ///
    /// - Parameter limit: how many there are on this node.
    /// - Returns: `nil` when all are taken.
    func take(_ handle: SessionHandle, isAlias: Bool, limit: Int) -> Seat? {
        let name = Name(handle: handle, isAlias: isAlias)
        let isFree = state.withLock { state in
            let count = state.taken[name, default: 0]
            guard count < limit else {
                state.add(-1, untoldOf: name)
                return false
            }
            state.taken[name] = count + 1
            return true
        }
        return isFree ? Seat(self, name) : nil
    }

    /// Takes a seat for a socket that is there already, and only changes its session.
    func take(_ handle: SessionHandle, isAlias: Bool) -> Seat {
        let name = Name(handle: handle, isAlias: isAlias)
        state.withLock { state in
            state.taken[name, default: 0] += 1
            state.add(1, untoldOf: name)
        }
        return Seat(self, name)
    }

    /// How many sockets the record is to say that this node has, once it has been told all.
    func counted(_ name: Name) -> (taken: Int, untold: Int) {
        state.withLock { ($0.taken[name, default: 0], $0.untold[name, default: 0]) }
    }

    /// What the records are to be told; the caller tells them, or gives it back.
    func takeUntold() -> [Name: Int] {
        state.withLock { state in
            defer { state.untold = [:] }
            return state.untold
        }
    }

    /// What one session's record is to be told; the caller tells it, or gives it back.
    func takeUntold(of name: Name) -> Int {
        state.withLock { $0.untold.removeValue(forKey: name) ?? 0 }
    }

    func giveBack(_ untold: [Name: Int]) {
        state.withLock { state in
            for (name, change) in untold { state.add(change, untoldOf: name) }
        }
    }

    /// Notes that a session has all its sockets, on whatever nodes.
    func isFull(_ name: Name, now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            if state.full.count >= 1_000 { state.full = state.full.filter { $0.value + Self.fullFor > now } }
            state.full[name] = now
        }
    }

    /// Whether a session had all its sockets a moment ago.
    func wasFull(_ name: Name, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { $0.full[name].map { $0 + Self.fullFor > now } ?? false }
    }

    private func leave(_ name: Name) {
        state.withLock { state in
            state.add(-1, untoldOf: name)
            guard let count = state.taken[name], count > 1 else {
                state.taken.removeValue(forKey: name)
                return
            }
            state.taken[name] = count - 1
        }
    }
}
