import Logging
import Metrics
import NIOCore
import RedisClient
import SocketIO
import Synchronization

// MARK: What is heard, on the subscriber's event loop

extension Cluster {
    func heard(_ event: RedisSubscriptionEvent, on channel: Channel) {
        let now = ContinuousClock.now
        switch event {
        case .subscribed:
            state.withLock { state in
                state.subscribed.insert(channel)
                if state.subscribed.count == 2 { state.hearing.subscribed(now: now) }
            }
            pulse.continuation.yield()
        case .lost:
            state.withLock { state in
                state.subscribed.remove(channel)
                state.hearing.lost(now: now)
            }
        case .message(let bytes):
            received(bytes, on: channel, now: now)
        }
    }

    private func received(_ bytes: ByteBuffer, on channel: Channel, now: ContinuousClock.Instant) {
        guard bytes.readableBytes <= configuration.maximumMessageBytes else { return drops.count(.tooLarge) }
        guard let message = BusMessage(bytes) else { return drops.count(.malformed) }
        let isOwn = message.node == name && message.incarnation == incarnation
        switch message.kind {
        case BusMessage.canaryKind:
            guard isOwn, channel == .own else { return drops.count(.unexpected) }
            let (action, handlers) = state.withLock { state in
                (state.hearing.canaryHeard(message.number, now: now), state.onHearingAgain)
            }
            if action == .hearsAgain {
                logger.info("node hears again", metadata: ["node": "\(name)"])
                for handler in handlers { handler() }
            }
        case BusMessage.answerKind:
            guard channel == .own,
                answered(message.number, by: message.node, message.incarnation, body: message.body)
            else { return drops.count(.unexpected) }
        default:
            // What this node says to all it has told itself already.
            if isOwn, !isShared(message.kind) { return }
            deliver(Inbound(message: message, arrivedAt: now, isLocal: isOwn))
        }
    }

    /// Every 250 ms.
    func ticked() {
        let now = ContinuousClock.now
        let (action, handlers) = state.withLock { state in
            (state.hearing.tick(now: now, jitter: .random(in: 0...1)), state.onDeaf)
        }
        switch action {
        case .none: break
        case .deaf:
            Counter(label: "rejoin_cluster_deaf_total").increment()
            logger.warning("node is deaf: it does not hear its own messages", metadata: ["node": "\(name)"])
            for handler in handlers { handler() }
            pulse.continuation.yield()
        case .reconnect:
            logger.warning("subscriptions are made anew", metadata: ["node": "\(name)"])
            subscriber.reconnect()
        }
    }

    func sendCanary() async {
        let number = state.withLock { $0.hearing.canarySent(now: .now) }
        let canary = BusMessage(
            kind: BusMessage.canaryKind, node: name, incarnation: incarnation, number: number)
        do {
            _ = try await redis.send("PUBLISH", [.string(keys.node(name)), .bytes(canary.encoded)])
            state.withLock { $0.hearing.commandAnswered(now: .now) }
        } catch {
            // Redis does not answer: the heartbeat that was sent with it says so.
            logger.debug("canary was not sent", metadata: ["error": "\(error.message)"])
        }
    }
}

/// How many questions of one kind are being answered.
private final class Running: Sendable {
    let count = Atomic<Int>(0)
}

// MARK: The queues

extension Cluster {
    func isShared(_ kind: String) -> Bool {
        state.withLock { $0.lanes[kind]?.isShared ?? false }
    }

    @discardableResult
    func deliver(_ inbound: Inbound) -> Bool {
        guard let lane = state.withLock({ $0.lanes[inbound.message.kind] }) else {
            drops.count(.unknownKind)
            return false
        }
        guard case .enqueued = lane.continuation.yield(inbound) else {
            drops.count(.overflow)
            return false
        }
        return true
    }

    /// Handles the messages of one kind, one after the other; but for the questions of a shared kind.
    func handle(_ lane: Lane) async throws {
        let running = Running()
        try await withThrowingDiscardingTaskGroup { group in
            for await inbound in lane.stream {
                guard try await isKnown(inbound) else {
                    drops.count(.unknownNode)
                    continue
                }
                guard lane.isShared, inbound.message.isQuestion else {
                    await handle(inbound, lane.handler)
                    continue
                }
                guard running.count.load(ordering: .relaxed) < configuration.maximumQueuedMessages else {
                    drops.count(.overflow)
                    continue
                }
                running.count.add(1, ordering: .relaxed)
                group.addTask {
                    await self.handle(inbound, lane.handler)
                    running.count.subtract(1, ordering: .relaxed)
                }
            }
        }
        try Task.checkCancellation()
    }

    private func handle(_ inbound: Inbound, _ handler: ControlHandler) async {
        let message = inbound.message
        let answer = await handler(
            ControlMessage(
                kind: message.kind, node: message.node, incarnation: message.incarnation, body: message.body,
                isQuestion: message.isQuestion))
        guard message.isQuestion else { return }
        if inbound.isLocal {
            _ = answered(message.number, by: name, incarnation, body: answer)
        } else {
            await send(answer, to: message)
        }
    }

    /// Whether the sender is in the registry; one that the list does not know may have joined after it was read.
    private func isKnown(_ inbound: Inbound) async throws(ClusterError) -> Bool {
        if inbound.isLocal { return true }
        let message = inbound.message
        for isLast in [false, true] {
            let (isListed, readAt) = state.withLock { state in
                (state.membership.list.contains(message.node, message.incarnation), state.membership.list.readAt)
            }
            if isListed { return true }
            if isLast || readAt > inbound.arrivedAt { return false }
            try await beat()
        }
        return false
    }

    private func send(_ answer: JSONBytes, to question: BusMessage) async {
        let message = BusMessage(
            kind: BusMessage.answerKind, node: name, incarnation: incarnation, number: question.number, body: answer)
        do {
            let bytes = try checked(message)
            _ = try await redis.send("PUBLISH", [.string(keys.node(question.node)), .bytes(bytes)])
        } catch {
            logger.warning(
                "could not answer a node",
                metadata: ["kind": "\(question.kind)", "peer": "\(question.node)", "error": "\(error)"])
        }
    }

    func checked(_ message: BusMessage) throws(ClusterError) -> ByteBuffer {
        let bytes = message.encoded
        guard bytes.readableBytes <= configuration.maximumMessageBytes else {
            throw ClusterError(
                .tooLarge,
                "a message of \(bytes.readableBytes) bytes; at most \(configuration.maximumMessageBytes) may be sent")
        }
        return bytes
    }
}
