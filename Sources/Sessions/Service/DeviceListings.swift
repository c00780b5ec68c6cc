import NIOCore
import Synchronization

/// How often each user may have its sessions listed by this node: a list costs a look at every one of them. Any thread
/// may call.
final class DeviceListings: Sendable {
    private struct State {
        var buckets: [String: TokenBucket] = [:]
        /// Those before; forgotten when there are too many again.
        var older: [String: TokenBucket] = [:]
    }

    /// So many lists a second.
    static let perSecond = 1
    /// So many at once.
    static let burst = 10

    private let state = Mutex(State())
    private let maximum: Int

    /// - Parameter maximum: so many users at least are remembered. Default 10,000.
    init(maximum: Int = 10_000) {
        self.maximum = maximum
    }

    /// Takes one list.
    ///
    /// - Returns: `nil` when it may be made, else when to try again.
    func take(_ userID: String, now: NIODeadline = .now()) -> Duration? {
        state.withLock { state in
            var bucket =
                state.buckets[userID] ?? state.older[userID]
                ?? TokenBucket(perSecond: Self.perSecond, burst: Self.burst, now: now)
            let wait = bucket.take(now: now)
            if state.buckets.count >= maximum {
                state.older = state.buckets
                state.buckets = [:]
            }
            state.buckets[userID] = bucket
            return wait
        }
    }
}
