package import NIOCore

/// A rate with a burst: so many tokens a second flow in, at most a burst of them waits.
package struct TokenBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var updated: NIODeadline

    package init(perSecond: Int, burst: Int, now: NIODeadline) {
        self.perSecond = Double(max(1, perSecond))
        self.burst = Double(max(1, burst))
        tokens = self.burst
        updated = now
    }

    /// Takes tokens.
    ///
    /// - Parameter count: at most the burst.
    /// - Returns: `nil` when there were as many, else how long the rest takes to come.
    package mutating func take(_ count: Int = 1, now: NIODeadline) -> Duration? {
        let wanted = Double(count)
        let elapsed = Double((now - updated).nanoseconds) / 1e9
        updated = now
        tokens = min(burst, tokens + elapsed * perSecond)
        if tokens >= wanted {
            tokens -= wanted
            return nil
        }
        return .milliseconds(Int(((wanted - tokens) / perSecond * 1000).rounded(.up)))
    }
}
