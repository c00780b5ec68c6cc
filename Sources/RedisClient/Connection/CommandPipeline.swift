import NIOCore

/// Whoever waits for one answer: resumed exactly once, from the event loop.
///
/// Unsafe only in that nobody checks it: each one is in exactly one place of a queue, which resumes what it removes.
typealias ReplyContinuation = UnsafeContinuation<Result<RedisValue, RedisError>, Never>

/// The commands on their way over one connection: written in order, answered in order. Confined to its event loop.
final class CommandPipeline: ReplyConsumer {
    /// How long a connection may stay suspect without any answer before it is given up: a lost network connection is
    /// found out by nothing else for a quarter of an hour.
    static let patience = TimeAmount.seconds(5)

    private static let probe = ByteBuffer(string: "*1\r\n$4\r\nPING\r\n")

    private let connection: RedisConnection
    private let eventLoop: NIOIsolatedEventLoop
    private var machine: StateMachine<ReplyContinuation>
    private var timer: Scheduled<Void>?
    /// Redis said that this connection leads to a server that does not serve now.
    private var refusal: RedisError?
    private var stateHandler: ((_ unanswered: Int, _ isSuspect: Bool) -> Void)?
    private var closeHandler: ((RedisError) -> Void)?

    init(_ connection: RedisConnection, commandTimeout: Duration, eventLoop: any EventLoop) {
        self.connection = connection
        self.eventLoop = eventLoop.assumeIsolated()
        self.machine = StateMachine(commandTimeout: TimeAmount(commandTimeout), patience: Self.patience)
        connection.give(repliesTo: self)
    }

    /// - Parameters:
    ///   - onState: called after every batch of answers, and when the connection becomes suspect.
    ///   - onClose: called once, before those who still wait are told.
    func observe(
        onState: @escaping (_ unanswered: Int, _ isSuspect: Bool) -> Void, onClose: @escaping (RedisError) -> Void
    ) {
        self.stateHandler = onState
        self.closeHandler = onClose
    }

    /// Writes commands, already encoded, and flushes once.
    func submit(_ commands: ByteBuffer, _ waiters: [ReplyContinuation]) {
        guard self.connection.isOpen else {
            let reason = self.connection.failure
            let error =
                reason.map { RedisError(code: .unavailable, message: $0.message, underlying: $0.underlying) }
                ?? .notConnected
            for waiter in waiters { waiter.resume(returning: .failure(error)) }
            return
        }
        switch self.machine.commandsSubmitted(waiters, now: self.now) {
        case .write(let timer):
            if let timer { self.setTimer(timer) }
            self.connection.write(commands)
        case .refuse(let waiters):
            for waiter in waiters { waiter.resume(returning: .failure(.failingFast)) }
            self.reportState()
        }
    }

    func replyReceived(_ reply: RedisValue) {
        var result = Result<RedisValue, RedisError>.success(reply)
        if case .error(let code, let message) = reply {
            let error = RedisError(code: .server(code), message: message)
            result = .failure(error)
            // A failover, or a server that has just started: another connection may lead to one that serves.
            if code == "READONLY" || code == "LOADING" { self.refusal = error }
        }
        switch self.machine.replyReceived() {
        case .answer(let waiter):
            waiter.resume(returning: result)
        case .discard:
            return
        case .closeUnexpected:
            if case .failure(let error) = result {
                self.connection.close(error)
            } else {
                self.connection.close(RedisError(code: .protocolViolation, message: "an answer that was not asked for"))
            }
        }
    }

    func readCompleted() {
        self.reportState()
        if let refusal = self.refusal { self.connection.close(refusal) }
    }

    func connectionClosed(_ reason: RedisError) {
        self.timer?.cancel()
        self.timer = nil
        self.closeHandler?(reason)
        self.closeHandler = nil
        self.stateHandler = nil
        let error =
            switch reason.code {
            case .closed, .protocolViolation: reason
            default:
                RedisError(code: .closed, message: "the connection to redis was given up", underlying: reason)
            }
        for waiter in self.machine.closed() { waiter.resume(returning: .failure(error)) }
    }

    private var now: NIODeadline {
        self.eventLoop.nonisolated().now
    }

    private func setTimer(_ deadline: NIODeadline) {
        self.timer?.cancel()
        self.timer = self.eventLoop.scheduleTask(deadline: deadline) { self.timerFired() }
    }

    private func timerFired() {
        self.timer = nil
        switch self.machine.timerFired(now: self.now) {
        case .nothing:
            return
        case .setTimer(let deadline):
            self.setTimer(deadline)
        case .timeOut(let waiters, let probe, let timer):
            if let timer { self.setTimer(timer) }
            if probe { self.connection.write(Self.probe) }
            self.reportState()
            self.fail(waiters)
        case .closeSilent(let waiters):
            self.connection.close(RedisError(code: .closed, message: "redis did not answer for too long"))
            self.fail(waiters)
        }
    }

    private func fail(_ waiters: [ReplyContinuation]) {
        for waiter in waiters {
            waiter.resume(returning: .failure(RedisError(code: .timeout, message: "no answer from redis in time")))
        }
    }

    private func reportState() {
        self.stateHandler?(self.machine.unanswered, self.machine.isSuspect)
    }
}

extension RedisError {
    static let failingFast = RedisError(
        code: .unavailable, message: "redis did not answer in time, and has not answered since")
    static let notConnected = RedisError(code: .unavailable, message: "not connected to redis")
}
