/// How often a provider's keys are read.
struct KeyRefreshTimes: Sendable, Equatable {
    /// When nobody says how long they are fresh.
    var usual: Duration
    /// The least and the most that is believed of who says so.
    var fresh: ClosedRange<Duration> = .seconds(60) ... .seconds(86_400)
    /// Between two readings that tokens of unknown keys ask for.
    var betweenMisses: Duration
    /// After the first failure; each further one doubles it.
    var firstRetry: Duration
    /// The most that a failure waits.
    var lastRetry: Duration
}
