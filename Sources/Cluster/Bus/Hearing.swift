/// Whether a node hears what is published: it sends itself a numbered canary and must hear it.
///
/// What counts is when a canary that was heard was *sent*: on a channel that lags, a node has not heard of the time since.
struct Hearing {
    struct Limits: Sendable {
        /// Without a canary for so long the node is deaf.
        var deafAfter: Duration = .seconds(3)
        /// The pause after the first new connection; doubled by each.
        var firstPause: Duration = .seconds(2)
        var longestPause: Duration = .seconds(30)
        /// How long a lost connection is left to come back by itself.
        var returnTime: Duration = .seconds(5)
        /// An answer to a command counts as a sign of life for so long.
        var commandFreshness: Duration = .milliseconds(1_500)
    }

    enum HeardAction: Equatable {
        case none
        /// It hears again; what was published meanwhile is missed.
        case hearsAgain
    }

    enum TickAction: Equatable {
        case none
        /// It has become deaf.
        case deaf
        /// The connection is of no use: make a new one.
        case reconnect
    }

    private let limits: Limits
    private(set) var isDeaf = false
    /// When the last canary that was heard was sent; nil before the first.
    private(set) var lastHeard: ContinuousClock.Instant?
    private var deadlineStart: ContinuousClock.Instant
    private var lastAnswer: ContinuousClock.Instant?
    private var lostAt: ContinuousClock.Instant?
    private var hasMissed = false
    private var sent: [(number: Int, at: ContinuousClock.Instant)] = []
    private var nextNumber = 1
    private var reconnects = 0
    private var nextReconnect: ContinuousClock.Instant

    init(limits: Limits = Limits(), now: ContinuousClock.Instant) {
        self.limits = limits
        self.deadlineStart = now
        self.nextReconnect = now
    }

    /// Canaries are sent from now on.
    mutating func began(now: ContinuousClock.Instant) {
        deadlineStart = now
    }

    /// - Returns: the number of the canary that is sent now.
    mutating func canarySent(now: ContinuousClock.Instant) -> Int {
        defer { nextNumber += 1 }
        if sent.count == 16 { sent.removeFirst() }
        sent.append((nextNumber, now))
        return nextNumber
    }

    /// Redis answered the command that sent a canary.
    mutating func commandAnswered(now: ContinuousClock.Instant) {
        lastAnswer = now
    }

    mutating func canaryHeard(_ number: Int, now: ContinuousClock.Instant) -> HeardAction {
        guard let index = sent.firstIndex(where: { $0.number == number }) else { return .none }
        lastHeard = sent[index].at
        deadlineStart = sent[index].at
        sent.removeFirst(index + 1)
        // Not all channels are back yet: a canary that came before the last of them says nothing of it. And one that was
        // held up for so long does not say that this is over.
        guard lostAt == nil, now - deadlineStart < limits.deafAfter else { return .none }
        isDeaf = false
        reconnects = 0
        defer { hasMissed = false }
        return hasMissed ? .hearsAgain : .none
    }

    /// The connection is gone.
    mutating func lost(now: ContinuousClock.Instant) {
        if lostAt == nil { lostAt = now }
        hasMissed = true
    }

    /// All channels are confirmed again.
    mutating func subscribed(now: ContinuousClock.Instant) {
        lostAt = nil
        // Canaries from before were published to nobody; the next one gets its time.
        sent.removeAll()
        nextReconnect = max(nextReconnect, now + limits.firstPause)
    }

    /// - Parameter jitter: random, 0 to 1: spreads the new connections of many nodes.
    mutating func tick(now: ContinuousClock.Instant, jitter: Double) -> TickAction {
        guard now - deadlineStart >= limits.deafAfter else { return .none }
        if !isDeaf {
            isDeaf = true
            hasMissed = true
            nextReconnect = now
            return .deaf
        }
        // Commands are answered while the canary is not heard: it is this connection, not a slow Redis.
        guard let lastAnswer, now - lastAnswer <= limits.commandFreshness, lastAnswer > deadlineStart,
            now >= nextReconnect, lostAt.map({ now - $0 >= limits.returnTime }) ?? true
        else { return .none }
        let pause = min(limits.longestPause, limits.firstPause * (1 << min(reconnects, 10)))
        nextReconnect = now + pause * (0.5 + min(max(jitter, 0), 1))
        reconnects += 1
        return .reconnect
    }
}
