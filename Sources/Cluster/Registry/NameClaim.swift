/// How a starting node gets its name: by asking for it, and by finding out whether who holds it still lives.
///
/// A holder whose channel nobody listens on is dead and is replaced at once. A holder that listens but does not renew
/// its record for two seconds is frozen, and is replaced too: its incarnation does not own the name any more, which it
/// learns with its next heartbeat.
struct NameClaim {
    enum Action: Equatable {
        /// Ask for the name; what this incarnation holds may be taken over.
        case claim(replacing: Incarnation?)
        /// Count who else listens on the name's channel.
        case countListeners
        /// Ask again after a while.
        case wait(Duration)
        /// The name is ours.
        case granted
        /// Somebody who lives has it.
        case taken
    }

    enum Answer: Equatable {
        case granted
        /// - heartbeat: when the holder was last heard of, in Redis's milliseconds.
        case held(by: Incarnation, heartbeat: Int)
    }

    private struct Holder {
        let incarnation: Incarnation
        let heartbeat: Int
        let deadline: ContinuousClock.Instant
    }

    private let patience: Duration
    private let pause: Duration
    private var holder: Holder?

    /// - Parameters:
    ///   - patience: how long a holder that listens may take to renew its record.
    ///   - pause: between two looks at the record.
    init(patience: Duration, pause: Duration = .milliseconds(100)) {
        self.patience = patience
        self.pause = pause
    }

    mutating func started() -> Action {
        .claim(replacing: nil)
    }

    mutating func answered(_ answer: Answer, now: ContinuousClock.Instant) -> Action {
        guard case .held(let incarnation, let heartbeat) = answer else { return .granted }
        guard let holder, holder.incarnation == incarnation else {
            self.holder = Holder(incarnation: incarnation, heartbeat: heartbeat, deadline: now + patience)
            return .countListeners
        }
        if holder.heartbeat != heartbeat { return .taken }
        // Counted again, since Redis may learn a little later than we that a process has died.
        return now < holder.deadline ? .countListeners : .claim(replacing: incarnation)
    }

    /// - Parameter others: how many listen on the name's channel beside this node.
    mutating func counted(others: Int) -> Action {
        guard let holder else { preconditionFailure("nobody holds the name") }
        return others > 0 ? .wait(pause) : .claim(replacing: holder.incarnation)
    }

    /// The pause of `.wait` is over.
    mutating func waited() -> Action {
        .claim(replacing: nil)
    }
}
