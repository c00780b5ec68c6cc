/// Redis's time between two of its answers, by the node's monotonic clock. Never goes back. Confined to its event loop.
struct TickClock {
    private var heard: (milliseconds: Int, at: ContinuousClock.Instant)?
    private var last = 0

    /// Notes what Redis's clock said in an answer that arrived now.
    mutating func heard(_ milliseconds: Int, at now: ContinuousClock.Instant) {
        heard = (milliseconds, now)
    }

    /// Milliseconds since 1970; 0 before Redis has answered.
    mutating func time(at now: ContinuousClock.Instant) -> Int {
        if let heard { last = max(last, heard.milliseconds + (now - heard.at).milliseconds) }
        return last
    }
}
