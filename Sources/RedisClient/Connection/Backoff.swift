/// How long to wait before the next attempt: a random part of a bound that doubles from 20 ms to 2 s, so that nodes
/// that lost the same server do not come back at the same moment ("full jitter").
struct Backoff {
    private static let first = Duration.milliseconds(20)
    private static let longest = Duration.seconds(2)
    private var bound = Self.first

    /// - Parameter lasted: how long the attempt before served; nil when it failed. A connection that served for as long
    ///   as the longest wait starts the series anew.
    mutating func delay(
        afterServing lasted: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        if let lasted, lasted >= Self.longest { self.bound = Self.first }
        defer { self.bound = min(self.bound * 2, Self.longest) }
        return self.bound * Double.random(in: 0...1, using: &generator)
    }
}
