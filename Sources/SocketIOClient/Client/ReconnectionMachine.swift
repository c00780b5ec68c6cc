/// When a client connects, waits, and gives up. Pure: times and random numbers come in, actions go out.
struct ReconnectionMachine {
    enum Action: Equatable {
        case none
        /// Open a connection.
        case open
        /// Wait this long; then comes `pauseEnded`.
        case wait(attempt: Int, Duration)
        /// Close for good: no further attempt is to be made.
        case giveUp
    }

    private enum State {
        /// Nothing is under way, and nobody wants anything.
        case idle
        case opening
        case open
        case waiting
        case closed
    }

    private let attempts: Int?
    private var backoff: Backoff?
    private var state = State.idle

    /// - Parameter reconnection: nil: the first connection is the only one.
    init(_ reconnection: SocketIOClient.Reconnection?) {
        self.attempts = reconnection?.attempts
        self.backoff = reconnection.map(Backoff.init)
    }

    /// A socket wants to be connected.
    mutating func connectWanted() -> Action {
        guard self.state == .idle else { return .none }
        self.state = .opening
        return .open
    }

    mutating func opened() {
        guard self.state == .opening else { return }
        self.state = .open
        self.backoff?.reset()
    }

    /// An attempt failed, or the connection ended.
    ///
    /// - Parameters:
    ///   - isWanted: whether a socket is left that wants to be connected.
    ///   - random: in 0..<1.
    mutating func ended(isWanted: Bool, random: Double) -> Action {
        guard self.state == .opening || self.state == .open else { return .none }
        guard self.backoff != nil else {
            self.state = .closed
            return .giveUp
        }
        guard isWanted else {
            self.state = .idle
            self.backoff?.reset()
            return .none
        }
        if let attempts = self.attempts, (self.backoff?.attempts ?? 0) >= attempts {
            self.state = .closed
            return .giveUp
        }
        guard let pause = self.backoff?.next(random: random), let attempt = self.backoff?.attempts else { return .none }
        self.state = .waiting
        return .wait(attempt: attempt, pause)
    }

    mutating func pauseEnded() -> Action {
        guard self.state == .waiting else { return .none }
        self.state = .opening
        return .open
    }

    /// Nobody wants to be connected any more while the client waits.
    mutating func waitingCancelled() {
        guard self.state == .waiting else { return }
        self.state = .idle
        self.backoff?.reset()
    }

    mutating func closed() {
        self.state = .closed
    }
}
