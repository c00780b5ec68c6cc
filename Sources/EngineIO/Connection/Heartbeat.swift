import DequeModule
package import NIOCore

/// When which connection is to be pinged, and when its pong is overdue.
///
/// Interval and time-out are the same for all connections of a shard, so two queues in order of time do; an entry of
/// a connection that is gone is skipped when its time comes, and holds nothing but a number until then.
///
/// Every wake-up of the event loop costs as much as a ping. So pings that are due within a 250th of the interval (100 ms
/// of 25 s) go out early, with the first of them, their pongs come back together, and a pong that is overdue is noticed by
/// as much later.
package struct Heartbeat {
    package enum Action: Equatable {
        /// Ping it now; the pong may take until the deadline.
        case ping(EngineConnection.ID, pongBefore: NIODeadline)
        /// The pong of the ping with this deadline is overdue, unless it came meanwhile.
        case due(EngineConnection.ID, NIODeadline)
    }

    private struct Entry {
        let deadline: NIODeadline
        let id: EngineConnection.ID
    }

    private let interval: TimeAmount
    private let timeout: TimeAmount
    /// How much is done in one go.
    private let tolerance: TimeAmount
    private var pings = Deque<Entry>()
    private var pongs = Deque<Entry>()

    package init(interval: Duration, timeout: Duration) {
        self.interval = .nanoseconds(interval.wholeMilliseconds * 1_000_000)
        self.timeout = .nanoseconds(timeout.wholeMilliseconds * 1_000_000)
        self.tolerance = .nanoseconds(self.interval.nanoseconds / 250)
    }

    /// The connection is alive as of now: its next ping is an interval away.
    package mutating func alive(_ id: EngineConnection.ID, now: NIODeadline) {
        pings.append(Entry(deadline: now + interval, id: id))
    }

    /// The next action that is due, or nothing. What is told is not told again.
    package mutating func next(now: NIODeadline) -> Action? {
        if let entry = pongs.first, entry.deadline <= now {
            pongs.removeFirst()
            return .due(entry.id, entry.deadline)
        }
        if let entry = pings.first, entry.deadline <= now + tolerance {
            pings.removeFirst()
            pongs.append(Entry(deadline: now + timeout, id: entry.id))
            return .ping(entry.id, pongBefore: now + timeout)
        }
        return nil
    }

    /// When to look again; `nil` while nobody is waited for.
    package var nextDeadline: NIODeadline? {
        switch (pings.first?.deadline, pongs.first?.deadline) {
        case (let ping?, let pong?): min(ping, pong + tolerance)
        case (let ping?, nil): ping
        case (nil, let pong?): pong + tolerance
        case (nil, nil): nil
        }
    }
}
