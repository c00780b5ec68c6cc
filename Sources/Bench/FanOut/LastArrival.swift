import Synchronization

/// What was read when something last arrived: the time that is waited for what never comes is no part of a run. From
/// any thread.
final class LastArrival<Reading: Sendable>: Sendable {
    private struct State {
        var arrived: Int
        var reading: Reading
    }

    private let read: @Sendable () throws -> Reading
    private let state = Mutex<State?>(nil)

    init(_ read: @escaping @Sendable () throws -> Reading) {
        self.read = read
    }

    /// Reads when more has arrived than the last time, and the first time.
    func look(arrived: Int) throws {
        try self.state.withLock { state in
            if let state, state.arrived == arrived { return }
            state = State(arrived: arrived, reading: try self.read())
        }
    }

    /// Nil: nobody has looked.
    var reading: Reading? { self.state.withLock { $0?.reading } }
}
