public import NIOCore

extension SocketIOClient {
    /// How a client comes back: the pause doubles with each attempt that fails, and is spread, so that the clients of a
    /// server that went do not come back all at once. The defaults are those of the JavaScript client.
    public struct Reconnection: Sendable {
        /// Before the first attempt; 1 s by default.
        public var delay: Duration
        /// No pause is longer; 5 s by default.
        public var maximumDelay: Duration
        /// By which share a pause is made longer or shorter, 0 to 1; 0.5 by default.
        public var randomization: Double
        /// How many attempts may fail, before the client is closed for good; nil, the default: any number.
        public var attempts: Int?
        /// Numbers in 0..<1.
        public var random: @Sendable () -> Double
        /// The clock: does something after a pause, on the event loop; by default the loop's own. For tests, which do
        /// not wait.
        public var schedule: @Sendable (any EventLoop, Duration, @escaping @Sendable () -> Void) -> Scheduled<Void>

        public init(
            delay: Duration = .seconds(1), maximumDelay: Duration = .seconds(5), randomization: Double = 0.5,
            attempts: Int? = nil, random: @escaping @Sendable () -> Double = { .random(in: 0..<1) },
            schedule:
                @escaping @Sendable (any EventLoop, Duration, @escaping @Sendable () -> Void) -> Scheduled<Void> = {
                    $0.scheduleTask(in: TimeAmount($1), $2)
                }
        ) {
            self.delay = delay
            self.maximumDelay = maximumDelay
            self.randomization = randomization
            self.attempts = attempts
            self.random = random
            self.schedule = schedule
        }
    }
}

/// The pauses between attempts to connect.
struct Backoff: Sendable {
    private let delay: Duration
    private let maximum: Duration
    private let randomization: Double
    /// How many pauses there were since the last connection.
    private(set) var attempts = 0

    init(_ reconnection: SocketIOClient.Reconnection) {
        self.delay = max(.zero, reconnection.delay)
        self.maximum = max(.zero, reconnection.maximumDelay)
        self.randomization = min(1, max(0, reconnection.randomization))
    }

    /// - Parameter random: in 0..<1: below one half the pause is shorter than its middle.
    mutating func next(random: Double) -> Duration {
        // Beyond 2^30 every pause is the longest.
        let middle = min(self.delay * (1 << min(self.attempts, 30)), self.maximum)
        self.attempts += 1
        let spread = (random * 2 - 1) * self.randomization
        return min(self.maximum, middle + middle * spread)
    }

    mutating func reset() {
        self.attempts = 0
    }
}
