/// How much a server is asked to do.
public enum BenchLoad: Sendable, Equatable {
    /// Open loop: so many a second, whatever the answers do. Latency counts from when each was meant to be sent, so that
    /// what waits for a slow server is counted too (no coordinated omission).
    case rate(Double)
    /// Closed loop: the next one when one is done, so many at a time.
    case inFlight(Int)
}
