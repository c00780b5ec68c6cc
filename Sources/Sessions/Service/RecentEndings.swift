import Synchronization

/// The endings that this node has heard of lately: a socket whose session was read before such a message and is placed
/// after it would miss it. Any thread may call.
final class RecentEndings: Sendable {
    private struct State {
        var endings: [SessionHandle: SessionEnding] = [:]
        /// Of the last period; forgotten with the next one.
        var older: [SessionHandle: SessionEnding] = [:]
        var began = ContinuousClock.now
    }

    private let state = Mutex(State())
    /// Longer than an answer of Redis, or a message, may be under way.
    private static let period = Duration.seconds(30)
    private static let maximum = 50_000

    /// Notes endings, before the sockets are told.
    func note(_ endings: [SessionEnding], now: ContinuousClock.Instant = .now) {
        state.withLock { state in
            for ending in endings {
                if state.began.duration(to: now) >= Self.period || state.endings.count >= Self.maximum {
                    state.older = state.endings
                    state.endings = [:]
                    state.began = now
                }
                if let known = state.endings[ending.handle], known.generation > ending.generation { continue }
                state.endings[ending.handle] = ending
            }
        }
    }

    /// The ending of a login, when it was heard of.
    ///
    /// - Parameter generation: what the record had when it was read.
    func ending(of handle: SessionHandle, generation: Int) -> SessionEnding? {
        state.withLock { state in
            [state.endings[handle], state.older[handle]].compactMap { $0 }.first { $0.generation >= generation }
        }
    }
}
