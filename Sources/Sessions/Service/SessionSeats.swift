import Synchronization

/// How many sockets of this node each session has. An alias counts for itself: who holds an old secret takes no seat from
/// the session's owner. Any thread may call.
final class SessionSeats: Sendable {
    fileprivate struct Name: Hashable {
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

    private let taken = Mutex<[Name: Int]>([:])

    /// Takes a seat.
    ///
    /// - Parameter limit: how many there are; `nil` where the socket is there already, and only changes its session.
    /// - Returns: `nil` when all are taken.
    func take(_ handle: SessionHandle, isAlias: Bool, limit: Int? = nil) -> Seat? {
        let name = Name(handle: handle, isAlias: isAlias)
        let isFree = taken.withLock { taken in
            let count = taken[name, default: 0]
            if let limit, count >= limit { return false }
            taken[name] = count + 1
            return true
        }
        return isFree ? Seat(self, name) : nil
    }

    private func leave(_ name: Name) {
        taken.withLock { taken in
            guard let count = taken[name], count > 1 else {
                taken.removeValue(forKey: name)
                return
            }
            taken[name] = count - 1
        }
    }
}
