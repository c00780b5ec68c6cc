import Synchronization

/// Which sessions took the place of which, by answers of this node: a browser whose sockets are open goes on with the new
/// one. Any thread may call.
final class ReplacedSessions: Sendable {
    private struct State {
        var sessions: [SessionHandle: SessionHandle] = [:]
        /// Those before; forgotten when there are too many again.
        var older: [SessionHandle: SessionHandle] = [:]
    }

    private let state = Mutex(State())
    private let maximum: Int

    /// - Parameter maximum: so many replacements at least are remembered. Default 10,000.
    init(maximum: Int = 10_000) {
        self.maximum = maximum
    }

    /// A request that carried a credential of one session was answered with one of another.
    func note(_ old: SessionHandle, replacedBy new: SessionHandle) {
        guard old != new else { return }
        state.withLock { state in
            if state.sessions.count >= maximum {
                state.older = state.sessions
                state.sessions = [:]
            }
            state.sessions[new] = old
        }
    }

    /// Whose place a session took; `nil` where nothing is known of that.
    func session(before new: SessionHandle) -> SessionHandle? {
        state.withLock { $0.sessions[new] ?? $0.older[new] }
    }
}
