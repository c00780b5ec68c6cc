import NIOCore
import Synchronization

/// How many sessions this node looks at for each user's lists of its devices: a list costs a look at every one of them.
/// Any thread may call.
final class DeviceListings: Sendable {
    private struct User {
        var bucket: TokenBucket
        /// How many the last list had, at least 1: the next one is taken for as long.
        var count = 1
    }

    private struct State {
        var users: [String: User] = [:]
        /// Those before; forgotten when there are too many again.
        var older: [String: User] = [:]
    }

    /// Sessions a second.
    let perSecond: Int
    /// Sessions at once.
    var burst: Int { 10 * perSecond }

    private let state = Mutex(State())
    private let maximum: Int

    /// - Parameters:
    ///   - perSecond: sessions of a user that are looked at a second, and ten times as many at once. Default 200.
    ///   - maximum: so many users at least are remembered. Default 10,000.
    init(perSecond: Int = 200, maximum: Int = 10_000) {
        self.perSecond = perSecond
        self.maximum = maximum
    }

    /// Takes one list.
    ///
    /// - Returns: `nil` when it may be made, else when to try again.
    func take(_ userID: String, now: NIODeadline = .now()) -> Duration? {
        state.withLock { state in
            var user =
                state.users[userID] ?? state.older[userID]
                ?? User(bucket: TokenBucket(perSecond: perSecond, burst: burst, now: now))
            let wait = user.bucket.take(min(user.count, burst), now: now)
            if state.users.count >= maximum {
                state.older = state.users
                state.users = [:]
            }
            state.users[userID] = user
            return wait
        }
    }

    /// Notes how long a list was.
    func listed(_ count: Int, of userID: String) {
        state.withLock { $0.users[userID]?.count = max(1, count) }
    }
}
