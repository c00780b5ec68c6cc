import DequeModule
import NIOCore

extension CommandPipeline {
    /// Which answer belongs to which command, what has waited too long, and whether the server is still there.
    ///
    /// Answers come in the order of the commands, so a command that timed out keeps its place until its answer comes
    /// and is thrown away. After a time-out the connection is suspect: one probe is sent, and nothing else until any
    /// answer comes.
    struct StateMachine<Waiter> {
        private enum Place {
            case waiting(Waiter, deadline: NIODeadline)
            /// Nobody waits for this answer any more.
            case abandoned
            /// The answer to a probe.
            case probe
        }

        private enum State: Equatable {
            case alive
            case suspect(since: NIODeadline)
            case closed
        }

        enum SubmitAction {
            /// Write them; set the timer if there is one.
            case write(timer: NIODeadline?)
            /// Fail these at once: nothing may be written now.
            case refuse([Waiter])
        }

        enum ReplyAction {
            case answer(Waiter)
            case discard
            /// Nothing was asked: the two sides disagree about what was said.
            case closeUnexpected
        }

        enum TimerAction {
            case nothing
            case setTimer(NIODeadline)
            /// Fail these, write a `PING` if `probe` says so, and set the timer if there is one.
            case timeOut([Waiter], probe: Bool, timer: NIODeadline?)
            /// Fail these, and close: the server was silent for too long.
            case closeSilent([Waiter])
        }

        /// How many commands have no answer yet, those that nobody waits for included.
        private(set) var unanswered = 0
        private let commandTimeout: TimeAmount
        private let patience: TimeAmount
        private var state = State.alive
        private var places = Deque<Place>()
        /// How many of the first places nobody waits for.
        private var deserted = 0
        private var isProbing = false
        private var timer: NIODeadline?

        /// - Parameters:
        ///   - commandTimeout: how long a command waits for its answer.
        ///   - patience: how long a suspect connection is kept without any answer.
        init(commandTimeout: TimeAmount, patience: TimeAmount) {
            self.commandTimeout = commandTimeout
            self.patience = patience
        }

        var isSuspect: Bool {
            if case .suspect = self.state { true } else { false }
        }

        mutating func commandsSubmitted(_ waiters: [Waiter], now: NIODeadline) -> SubmitAction {
            guard self.state == .alive else { return .refuse(waiters) }
            let deadline = now + self.commandTimeout
            self.places.append(contentsOf: waiters.lazy.map { .waiting($0, deadline: deadline) })
            self.unanswered += waiters.count
            // Deadlines rise along the queue, but a timer may be set for the end of a suspicion, which is later.
            if let timer = self.timer, timer <= deadline { return .write(timer: nil) }
            self.timer = deadline
            return .write(timer: deadline)
        }

        mutating func replyReceived() -> ReplyAction {
            guard self.state != .closed, let place = self.places.popFirst() else { return .closeUnexpected }
            self.state = .alive
            if self.deserted > 0 { self.deserted -= 1 }
            switch place {
            case .waiting(let waiter, deadline: _):
                self.unanswered -= 1
                return .answer(waiter)
            case .abandoned:
                self.unanswered -= 1
                return .discard
            case .probe:
                self.isProbing = false
                return .discard
            }
        }

        mutating func timerFired(now: NIODeadline) -> TimerAction {
            self.timer = nil
            guard self.state != .closed else { return .nothing }
            if case .suspect(let since) = self.state, now >= since + self.patience {
                return .closeSilent(self.closed())
            }
            let late = self.abandonLate(now: now)
            guard !late.isEmpty else {
                self.timer = self.nextTimer()
                return self.timer.map { .setTimer($0) } ?? .nothing
            }
            if self.state == .alive { self.state = .suspect(since: now) }
            let probe = !self.isProbing
            if probe {
                self.isProbing = true
                self.places.append(.probe)
            }
            self.timer = self.nextTimer()
            return .timeOut(late, probe: probe, timer: self.timer)
        }

        /// - Returns: those who still waited.
        mutating func closed() -> [Waiter] {
            self.state = .closed
            defer {
                self.places.removeAll()
                self.deserted = 0
                self.unanswered = 0
            }
            return self.places.compactMap { if case .waiting(let waiter, deadline: _) = $0 { waiter } else { nil } }
        }

        private mutating func abandonLate(now: NIODeadline) -> [Waiter] {
            var late: [Waiter] = []
            while self.deserted < self.places.count {
                if case .waiting(let waiter, let deadline) = self.places[self.deserted] {
                    guard deadline <= now else { break }
                    late.append(waiter)
                    self.places[self.deserted] = .abandoned
                }
                self.deserted += 1
            }
            return late
        }

        private func nextTimer() -> NIODeadline? {
            var next: NIODeadline?
            if case .suspect(let since) = self.state { next = since + self.patience }
            // A probe of an earlier suspicion may stand before the commands that were sent after it.
            for place in self.places.dropFirst(self.deserted) {
                guard case .waiting(_, let deadline) = place else { continue }
                return min(deadline, next ?? deadline)
            }
            return next
        }
    }
}

extension CommandPipeline.StateMachine.SubmitAction: Equatable where Waiter: Equatable {}
extension CommandPipeline.StateMachine.ReplyAction: Equatable where Waiter: Equatable {}
extension CommandPipeline.StateMachine.TimerAction: Equatable where Waiter: Equatable {}
