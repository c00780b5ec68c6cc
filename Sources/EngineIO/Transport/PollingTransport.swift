import CoreMetrics
import DequeModule
import NIOCore

/// Engine.IO over HTTP long-polling: what waits for the client leaves with its next poll, what the client sends comes as
/// payloads. Confined to its session's event loop.
final class PollingTransport: EngineTransport {
    /// A request that waits for its answer, with the headers that the application wants in it.
    struct Waiting {
        let exchange: EngineExchange
        let headers: [(name: String, value: String)]
    }

    /// A WebSocket that is to replace the polling.
    final class Upgrade {
        let link: WebSocketLink
        var timer: Scheduled<Void>?
        var releaseTimer: Scheduled<Void>?
        /// The switch waits for the payload that is on its way: what came over the WebSocket is later than that.
        var successor: LinkedTransport?

        init(_ link: WebSocketLink) {
            self.link = link
        }

        func cancelTimers() {
            timer?.cancel()
            releaseTimer?.cancel()
        }
    }

    private enum State {
        case open
        /// Closed by this server; the close packet waits for a last poll.
        case leaving(Scheduled<Void>)
        case closed
    }

    /// What the application accepted the handshake with.
    let context: any Sendable
    let loop: EngineLoop
    /// From when the connection is open until it ends; nothing is received before.
    private(set) var connection: EngineConnection?
    private(set) var sid: SessionID?
    private(set) var queue = PollingQueue()
    private(set) var takenBytes = 0
    private(set) var poll: Waiting?
    private(set) var post: Waiting?
    var upgrade: Upgrade?
    private var state = State.open
    private var isFull = false
    /// The client's own close packet came: a poll is released, not told of an end that it knows.
    private var peerClosed = false

    init(loop: EngineLoop, context: any Sendable, handshake: Waiting) {
        self.loop = loop
        self.context = context
        self.poll = handshake
    }

    func opened(_ connection: EngineConnection, _ sid: SessionID) {
        guard isOpen else { return }
        self.connection = connection
        self.sid = sid
        loop.polling[sid.connection] = self
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    // MARK: Polls

    /// A poll came and may wait.
    func polled(_ poll: Waiting) {
        switch state {
        case .open:
            guard self.poll == nil else { return overlapped(poll.exchange) }
            self.poll = poll
            if !queue.isEmpty { answerPoll() }
        case .leaving(let timer):
            timer.cancel()
            self.poll = poll
            answerLast()
        case .closed:
            poll.exchange.refuse(.unknownSession)
        }
    }

    /// Answers the poll, if one waits, with what is queued, or with nothing but a noop.
    func releasePoll() {
        guard poll != nil else { return }
        if queue.isEmpty { queue.append(.text(Self.noopPacket)) }
        answerPoll()
    }

    private func answerPoll() {
        guard let poll else { return }
        self.poll = nil
        let payload = queue.takePayload(atMost: loop.configuration.maximumPayloadBytes)
        takenBytes += payload.readableBytes
        poll.exchange.reply(.answer(.packets(payload, headers: poll.headers)))
        if isFull, isWritable {
            isFull = false
            connection?.writabilityChanged(now: loop.eventLoop.now)
        }
    }

    /// A second request while one is open: the client has lost count, and so would the order of its messages.
    private func overlapped(_ exchange: EngineExchange) {
        loop.counters.violations.increment()
        exchange.refuse(.badRequest)
        fail(.transportError)
    }

    // MARK: Payloads

    /// A payload is on its way.
    func posting(_ post: Waiting) {
        guard isOpen else { return post.exchange.refuse(.unknownSession) }
        guard self.post == nil else { return overlapped(post.exchange) }
        self.post = post
        post.exchange.reply(.payloadWanted)
    }

    /// A payload is there.
    func posted(_ exchange: EngineExchange, _ payload: ByteBuffer) {
        guard let post, post.exchange === exchange else { return exchange.refuse(.unknownSession) }
        self.post = nil
        do throws(EnginePayload.Violation) {
            try receive(payload)
            exchange.reply(.answer(.ok(headers: post.headers)))
        } catch {
            loop.counters.violations.increment()
            exchange.refuse(.badRequest)
            connection?.close(.parseError)
        }
        completeUpgrade()
    }

    private func receive(_ payload: ByteBuffer) throws(EnginePayload.Violation) {
        guard EnginePayload.isText(payload) else { throw .badUTF8 }
        var rest: ByteBuffer? = payload
        while let packet = try EnginePayload.next(&rest) {
            // What follows the packet that ended the session is of no interest to anybody.
            guard isOpen else { return }
            switch packet {
            case .text(.message, _), .binary: loop.counters.messagesReceived.increment()
            case .text(.close, _): peerClosed = true
            case .text(.open, _), .text(.ping, _), .text(.upgrade, _): throw .notAClients
            case .text(.pong, _), .text(.noop, _): break
            }
            connection?.received(packet)
        }
    }

    /// A payload does not come after all, and the session goes on.
    func postEnded(_ exchange: EngineExchange) {
        guard let post, post.exchange === exchange else { return }
        self.post = nil
        completeUpgrade()
    }

    // MARK: Ends

    /// The client went away in the middle of a request.
    func abandoned(_ exchange: EngineExchange) {
        if poll?.exchange === exchange {
            poll = nil
        } else if post?.exchange === exchange {
            post = nil
        } else {
            return
        }
        fail(.transportError)
    }

    /// Ends the session for what the client did with its requests.
    func fail(_ reason: CloseReason) {
        guard isOpen, let connection else { return }
        end()
        connection.transportEnded(reason)
    }

    /// Ends without a last poll; one that waits is released.
    private func end() {
        forget()
        endUpgrade()
        refusePost()
        queue = PollingQueue()
        guard let poll else { return }
        self.poll = nil
        poll.exchange.reply(
            .answer(.packets(peerClosed ? Self.noopPacket : Self.closePacket, headers: poll.headers)))
    }

    /// From now on there is no such session.
    private func forget() {
        state = .closed
        connection = nil
        if let sid { loop.polling.removeValue(forKey: sid.connection) }
    }

    private func refusePost() {
        guard let post else { return }
        self.post = nil
        post.exchange.refuse(.unknownSession)
    }

    private func endUpgrade() {
        guard let upgrade else { return }
        self.upgrade = nil
        upgrade.cancelTimers()
        upgrade.link.session.value = nil
        upgrade.link.closeWebSocket(.forcedClose)
    }

    private func answerLast() {
        forget()
        guard let poll else { return }
        self.poll = nil
        queue.append(.text(Self.closePacket))
        poll.exchange.reply(.answer(.packets(queue.takePayload(atMost: .max), headers: poll.headers)))
    }

    // MARK: The switch to a WebSocket

    /// Goes over to the WebSocket once no payload is on its way: hands it what waits, and what came meanwhile.
    func completeUpgrade() {
        guard isOpen, post == nil, let connection, let successor = upgrade?.successor else { return }
        forget()
        upgrade?.cancelTimers()
        upgrade = nil
        loop.counters.upgrades.increment()
        if let poll {
            self.poll = nil
            poll.exchange.reply(.answer(.packets(Self.noopPacket, headers: poll.headers)))
        }
        for item in queue.takeAll() {
            switch item {
            case .text(let packet): successor.send(text: packet)
            case .binary(let message): successor.send(binary: message)
            case .encoded(let message): successor.send(encoded: message)
            }
        }
        connection.moved(to: successor)
        successor.begin(connection, wasFull: isFull)
    }

    // MARK: EngineTransport

    var isWritable: Bool { isOpen && queue.byteCount < loop.configuration.maximumQueuedBytes }

    var queuedBytes: Int { queue.byteCount }

    func send(text: ByteBuffer) { enqueue(.text(text)) }

    func send(binary: ByteBuffer) { enqueue(.binary(binary)) }

    func send(encoded message: EncodedMessage) { enqueue(.encoded(message)) }

    private func enqueue(_ item: PollingQueue.Item) {
        guard isOpen else { return }
        queue.append(item)
        guard !isFull, !isWritable else { return }
        isFull = true
        connection?.writabilityChanged(now: loop.eventLoop.now)
    }

    func flush() {
        if isOpen, !queue.isEmpty { answerPoll() }
    }

    /// Ends the session with a close packet, which a poll takes: the one that waits, or one within a moment.
    func close(_ reason: CloseReason) {
        guard isOpen else { return }
        guard !peerClosed, reason != .pingTimeout else { return end() }
        endUpgrade()
        if poll != nil {
            refusePost()
            return answerLast()
        }
        connection = nil
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let time = TimeAmount.nanoseconds(loop.configuration.pollingCloseTimeout.wholeMilliseconds * 1_000_000)
        state = .leaving(
            loop.eventLoop.scheduleTask(in: time) {
                guard case .leaving = bound.value.state else { return }
                bound.value.end()
            })
        refusePost()
    }

    private static let closePacket = ByteBuffer(string: "1")
    private static let noopPacket = ByteBuffer(string: "6")
}
