/// When a provider's keys are read, and what a token is told whose key is not there.
struct KeyRefreshStateMachine {
    typealias Instant = ContinuousClock.Instant

    enum DueAction: Equatable {
        /// Read the keys, and say how it went.
        case read
        /// Nothing to do before then.
        case wait(until: Instant)
    }

    enum MissAction: Equatable {
        /// Wait for what is being read, or is about to be.
        case wait
        /// The provider has no such key.
        case refuse
        /// It may have one, which cannot be had.
        case unavailable
    }

    enum SuccessAction: Equatable {
        /// The first after failures: say so.
        case tellRecovery
        case none
    }

    enum FailureAction: Equatable {
        /// The first after a success: say so.
        case warn
        case none
    }

    private let times: KeyRefreshTimes
    private(set) var keys: KeySet?
    private var isReading = false
    /// Somebody said, after the reading began, that the keys have changed.
    private var isStale = false
    private var failures = 0
    private var due: Instant
    /// When the last reading began.
    private var last: Instant?

    init(times: KeyRefreshTimes, now: Instant) {
        self.times = times
        due = now
    }

    /// Some time has passed, or somebody asks.
    mutating func timePassed(now: Instant) -> DueAction {
        // Whoever reads says when it is done, which sets the next time.
        guard !isReading, now >= due else { return .wait(until: isReading ? now + times.usual : due) }
        isReading = true
        last = now
        return .read
    }

    /// A token came whose key is not among the keys.
    mutating func keyMissed(now: Instant) -> MissAction {
        guard !isReading else { return .wait }
        guard let last, now < last + times.betweenMisses else {
            due = now
            return .wait
        }
        return isLacking ? .unavailable : .refuse
    }

    /// Whether the provider may have keys that could not be read.
    var isLacking: Bool { keys == nil || failures > 0 }

    /// The operator says that the keys have changed.
    mutating func reloadAsked(now: Instant) {
        due = now
        isStale = isReading
    }

    /// - Parameter freshFor: what the provider says of its keys.
    mutating func readingSucceeded(_ keys: KeySet, freshFor: Duration?, now: Instant) -> SuccessAction {
        let action: SuccessAction = failures > 0 ? .tellRecovery : .none
        self.keys = keys
        failures = 0
        readingEnded(
            dueAt: now + (freshFor.map { min(max($0, times.fresh.lowerBound), times.fresh.upperBound) } ?? times.usual),
            now)
        return action
    }

    /// The keys from before stay.
    mutating func readingFailed(now: Instant) -> FailureAction {
        failures += 1
        readingEnded(dueAt: now + min(times.lastRetry, times.firstRetry * (1 << min(failures - 1, 16))), now)
        return failures == 1 ? .warn : .none
    }

    private mutating func readingEnded(dueAt next: Instant, _ now: Instant) {
        due = isStale ? now : next
        isReading = false
        isStale = false
    }
}
