import NIOCore

/// The subscriptions somebody wants, and the connection that carries them. Confined to its event loop.
final class Subscriptions: ReplyConsumer {
    typealias Confirmation = UnsafeContinuation<Result<Void, RedisError>, Never>

    private struct Wish {
        let id: Int
        let onEvent: @Sendable (RedisSubscriptionEvent) -> Void
        var isConfirmed = false
        /// Whoever waits for the first confirmation, and the end of that wait.
        var waiter: (confirmation: Confirmation, timer: Scheduled<Void>)?
    }

    private static let ping = ByteBuffer(string: "*1\r\n$4\r\nPING\r\n")

    private let eventLoop: NIOIsolatedEventLoop
    private var wishes: [RedisChannel: Wish] = [:]
    private var lastID = 0
    private var connection: RedisConnection?
    private var machine: StateMachine
    private var timer: Scheduled<Void>?
    private var outgoing = ByteBuffer()
    private var isFlushScheduled = false
    private let onOpenChange: (Bool) -> Void

    /// - Parameter onOpenChange: told whether there is a connection, whenever that changes.
    init(eventLoop: any EventLoop, onOpenChange: @escaping @Sendable (Bool) -> Void) {
        self.eventLoop = eventLoop.assumeIsolated()
        self.machine = StateMachine(now: eventLoop.now)
        self.onOpenChange = onOpenChange
    }

    /// Takes a connection into use and asks for everything that is wanted.
    func opened(_ connection: RedisConnection) {
        self.connection = connection
        self.machine = StateMachine(now: self.now)
        connection.give(repliesTo: self)
        self.onOpenChange(true)
        for (channel, wish) in self.wishes { self.sendSubscribe(channel, wish.id) }
        self.timerFired()
    }

    func add(
        _ channel: RedisChannel, timeout: TimeAmount, confirmation: Confirmation,
        onEvent: @escaping @Sendable (RedisSubscriptionEvent) -> Void
    ) {
        precondition(self.wishes[channel] == nil, "a second subscription to the same channel")
        self.lastID += 1
        let id = self.lastID
        let timer = self.eventLoop.scheduleTask(in: timeout) { self.giveUp(channel, id) }
        self.wishes[channel] = Wish(id: id, onEvent: onEvent, waiter: (confirmation, timer))
        if self.connection != nil { self.sendSubscribe(channel, id) }
    }

    func remove(_ channel: RedisChannel) {
        guard let wish = self.wishes.removeValue(forKey: channel) else { return }
        if self.connection != nil { self.sendUnsubscribe(channel) }
        self.answer(wish.waiter, .failure(RedisError(code: .closed, message: "the subscription was ended")))
    }

    func reconnect() {
        self.connection?.close(RedisError(code: .closed, message: "a new connection was asked for"))
    }

    func replyReceived(_ reply: RedisValue) {
        switch self.machine.pushReceived(Push(reply)) {
        case .nothing:
            return
        case .deliver(let channel, let payload):
            // A message may be on its way while the subscription ends, or is made anew.
            guard let wish = self.wishes[channel], wish.isConfirmed else { return }
            wish.onEvent(.message(payload))
        case .confirm(let channel, let id):
            guard var wish = self.wishes[channel], wish.id == id else { return }
            let waiter = wish.waiter
            wish.isConfirmed = true
            wish.waiter = nil
            self.wishes[channel] = wish
            wish.onEvent(.subscribed)
            self.answer(waiter, .success(()))
        case .refuse(let channel, let id, let code, let message):
            self.refused(channel, id, RedisError(code: code, message: message))
        case .close(let message):
            self.connection?.close(RedisError(code: .protocolViolation, message: message))
        }
    }

    func readCompleted() {
        self.machine.heard(now: self.now)
    }

    func connectionClosed(_ reason: RedisError) {
        self.connection = nil
        self.timer?.cancel()
        self.timer = nil
        self.outgoing.clear()
        self.onOpenChange(false)
        for (channel, wish) in self.wishes where wish.isConfirmed {
            self.wishes[channel]?.isConfirmed = false
            wish.onEvent(.lost)
        }
    }

    private var now: NIODeadline {
        self.eventLoop.nonisolated().now
    }

    private func refused(_ channel: RedisChannel, _ id: Int, _ error: RedisError) {
        guard let wish = self.wishes[channel], wish.id == id else { return }
        if wish.waiter != nil {
            self.wishes[channel] = nil
            self.answer(wish.waiter, .failure(error))
        } else {
            // It was granted before: the wish stands, and the next connection asks again.
            self.connection?.close(error)
        }
    }

    private func giveUp(_ channel: RedisChannel, _ id: Int) {
        guard let wish = self.wishes[channel], wish.id == id, wish.waiter != nil else { return }
        self.wishes[channel] = nil
        let isConnected = self.connection != nil
        if isConnected { self.sendUnsubscribe(channel) }
        self.answer(
            wish.waiter,
            .failure(
                isConnected ? RedisError(code: .timeout, message: "no answer from redis in time") : .notConnected))
    }

    private func answer(
        _ waiter: (confirmation: Confirmation, timer: Scheduled<Void>)?, _ result: Result<Void, RedisError>
    ) {
        waiter?.timer.cancel()
        waiter?.confirmation.resume(returning: result)
    }

    private func sendSubscribe(_ channel: RedisChannel, _ id: Int) {
        self.machine.subscribeSent(channel, id, now: self.now)
        self.send(channel.kind == .plain ? "SUBSCRIBE" : "SSUBSCRIBE", channel)
    }

    private func sendUnsubscribe(_ channel: RedisChannel) {
        self.machine.unsubscribeSent(channel, now: self.now)
        self.send(channel.kind == .plain ? "UNSUBSCRIBE" : "SUNSUBSCRIBE", channel)
    }

    /// All that is asked within one turn of the loop goes out in one write.
    private func send(_ command: String, _ channel: RedisChannel) {
        self.outgoing.writeRedisCommand(command, [.bytes(channel.bytes)])
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.eventLoop.execute {
            self.isFlushScheduled = false
            guard self.outgoing.readableBytes > 0 else { return }
            self.connection?.write(self.outgoing)
            self.outgoing = ByteBuffer()
        }
    }

    private func timerFired() {
        self.timer = nil
        switch self.machine.timerFired(now: self.now) {
        case .setTimer(let deadline):
            self.setTimer(deadline)
        case .ping(let deadline):
            self.outgoing.writeImmutableBuffer(Self.ping)
            self.connection?.write(self.outgoing)
            self.outgoing = ByteBuffer()
            self.setTimer(deadline)
        case .closeSilent:
            self.connection?.close(RedisError(code: .closed, message: "redis did not answer for too long"))
        }
    }

    private func setTimer(_ deadline: NIODeadline) {
        self.timer = self.eventLoop.scheduleTask(deadline: deadline) { self.timerFired() }
    }
}
