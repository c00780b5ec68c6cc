import CoreMetrics
import Synchronization

/// The endings that this node has heard of in the last quarter of an hour. Any thread may call.
///
/// A socket whose session was read before such a message and is placed after it would miss it; and a Redis that was
/// replaced may have come back as it was before them.
final class RecentEndings: Sendable {
    private struct State {
        var endings: [SessionHandle: SessionEnding] = [:]
        /// Of the period before; forgotten with the next one.
        var older: [SessionHandle: SessionEnding] = [:]
        var began = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let forgotten = Counter(label: "rejoin_sessions_endings_forgotten_total")
    static let period = Duration.seconds(15 * 60)

    /// - Parameter maximum: so many of a period are kept; the oldest are forgotten early when more come.
    init(maximum: Int = 100_000) {
        self.maximum = maximum
    }

    /// Notes endings, before the sockets are told.
    func note(_ endings: [SessionEnding], now: ContinuousClock.Instant = .now) {
        let forgotten = state.withLock { state in
            var forgotten = 0
            for ending in endings {
                if let known = state.endings[ending.handle], known.generation > ending.generation { continue }
                let isOver = state.began.duration(to: now) >= Self.period
                if isOver || state.endings.count >= maximum {
                    if !isOver { forgotten += state.older.count }
                    state.older = state.endings
                    state.endings = [:]
                    state.began = now
                }
                state.endings[ending.handle] = ending
            }
            return forgotten
        }
        if forgotten > 0 { self.forgotten.increment(by: Int64(forgotten)) }
    }

    /// The ending of a login, when it was heard of.
    ///
    /// - Parameter generation: what the record had when it was read.
    func ending(of handle: SessionHandle, generation: Int) -> SessionEnding? {
        state.withLock { state in
            [state.endings[handle], state.older[handle]].compactMap { $0 }.first { $0.generation >= generation }
        }
    }

    /// The last ending of each session.
    var all: [SessionEnding] {
        state.withLock { state in Array(state.older.merging(state.endings) { _, newer in newer }.values) }
    }
}
