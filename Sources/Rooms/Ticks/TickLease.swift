/// A node's hold on the clock of one room: whoever has it ticks the room, and nobody else does.
///
/// The lease is a key in Redis, whose value is a token that nobody else has, and which ends by itself. The node counts its
/// life from before it asked, by its own monotonic clock: it stops before Redis lets another one have it, also when it
/// cannot reach Redis or was frozen. What it has sent by then is refused by the commit script, which compares the token.
struct TickLease: Equatable {
    typealias Instant = ContinuousClock.Instant

    /// How long a lease lives without being kept; told to Redis.
    static let life: Duration = .milliseconds(1_200)
    /// How often leases are kept, and free ones taken: a dead node's clock goes on after `life` and once this.
    static let interval: Duration = .milliseconds(400)

    /// What was asked is not asked again for so long, however often leases are asked for: rooms that others come to and
    /// leave cost the rest nothing.
    static let pause: Duration = .milliseconds(100)

    /// What is asked of Redis.
    enum Question: Equatable {
        /// Takes the lease if nobody has it, with a token that is new.
        case take(token: String)
        /// Renews the lease if it is this token's still; never takes it.
        case keep(token: String)
        /// Gives the lease up if it is this token's still.
        case give(token: String)
    }

    /// What follows from an answer.
    enum Action: Equatable {
        case none
        /// The room's clock is this node's from now on.
        case begin(token: String, isTakeover: Bool)
        /// It is no more.
        case end
    }

    private var held: (token: String, until: Instant)?
    /// Somebody else had it when this node asked last.
    private var isOthers = false
    private(set) var wasAsked = false
    /// When the lease was to be taken or kept last; nil when the next question is not to wait.
    private var lastAsked: Instant?

    /// Whether the room's clock is this node's.
    func isHeld(at now: Instant) -> Bool {
        held.map { now < $0.until } ?? false
    }

    /// Whether the room's clock is this node's since the time it was told so with this token.
    func isHeld(_ token: String, at now: Instant) -> Bool {
        isHeld(at: now) && held?.token == token
    }

    /// What is to be asked now; nil: nothing.
    ///
    /// - Parameters:
    ///   - wanted: whether this node should tick the room. If not, it ceases to at once, whatever Redis answers.
    ///   - fresh: a token that was never used.
    mutating func question(wanted: Bool, fresh: @autoclosure () -> String, now: Instant) -> Question? {
        if let held, !wanted || now >= held.until {
            self.held = nil
            lastAsked = nil
            if !wanted { return .give(token: held.token) }
        }
        guard wanted, lastAsked.map({ now - $0 >= Self.pause }) ?? true else { return nil }
        lastAsked = now
        if let held { return .keep(token: held.token) }
        wasAsked = true
        return .take(token: fresh())
    }

    /// Whoever had it has given it up.
    mutating func freed() {
        lastAsked = nil
    }

    /// Redis has answered a question.
    ///
    /// - Parameters:
    ///   - granted: whether the lease was the token's.
    ///   - asked: when the question was put.
    mutating func answered(_ question: Question, granted: Bool, asked: Instant, now: Instant) -> Action {
        switch question {
        case .take(let token):
            let isTakeover = isOthers
            isOthers = !granted
            // An answer that comes too late is about a lease that is over.
            guard granted, held == nil, now < asked + Self.life else { return .none }
            held = (token, asked + Self.life)
            return .begin(token: token, isTakeover: isTakeover)
        case .keep(let token):
            guard held?.token == token else { return .none }
            if granted {
                renewed(token, asked: asked)
                return .none
            }
            return lost(token)
        case .give:
            return .none
        }
    }

    /// A commit was applied by this token, which renews the lease.
    mutating func renewed(_ token: String, asked: Instant) {
        guard let held, held.token == token else { return }
        self.held = (token, max(held.until, asked + Self.life))
    }

    /// A commit by this token was refused: the lease has ended, or is another's.
    @discardableResult
    mutating func lost(_ token: String) -> Action {
        guard held?.token == token else { return .none }
        held = nil
        isOthers = true
        return .end
    }

    static func == (left: Self, right: Self) -> Bool {
        left.held?.token == right.held?.token && left.held?.until == right.held?.until
            && left.isOthers == right.isOthers && left.wasAsked == right.wasAsked
    }
}
