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

    /// Takes a token.
    ///
    /// - Returns: `nil` when there was one, else how long the next takes to come.
    package mutating func take(now: NIODeadline) -> Duration? {
        let elapsed = Double((now - updated).nanoseconds) / 1e9
        updated = now
        tokens = min(burst, tokens + elapsed * perSecond)
        if tokens >= 1 {
            tokens -= 1
            return nil
        }
        return .milliseconds(Int(((1 - tokens) / perSecond * 1000).rounded(.up)))
    }
}
