import NIOCore

/// What a `SocketIOClient` knows on its event loop: who waits for which acknowledgement, and which packet still misses
/// attachments. Confined to its event loop.
final class SocketIOClientSession: SocketIOConnectionDelegate {
    private struct Waiter {
        let answer: EventLoopPromise<String>
        let timeout: Scheduled<Void>
    }

    let eventLoop: any EventLoop
    let events: AsyncStream<SocketIOEvent>
    let closed: EventLoopPromise<SocketIOCloseReason>
    private(set) var connection: SocketIOConnection?

    private let configuration: SocketIOClient.Configuration
    private let continuation: AsyncStream<SocketIOEvent>.Continuation
    private var opened: EventLoopPromise<SocketIOClient>?
    private var waiters: [Int: Waiter] = [:]
    private var incomplete: SocketIOPacket?
    private var hasOverflowed = false

    init(
        _ configuration: SocketIOClient.Configuration, on eventLoop: any EventLoop,
        opened: EventLoopPromise<SocketIOClient>
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.opened = opened
        self.closed = eventLoop.makePromise(of: SocketIOCloseReason.self)
        (self.events, self.continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(SocketIOClient.maximumEvents))
        self.connection = SocketIOConnection.connect(configuration, on: eventLoop, delegate: self)
        if self.opened == nil { self.connection = nil }
    }

    func cancelConnecting() {
        let opened = self.opened.take()
        opened?.fail(CancellationError())
        self.connection?.abort()
    }

    // MARK: Out

    func emit(_ event: String, _ json: String, id: Int?, attachments: [ByteBuffer]) {
        let type = attachments.isEmpty ? "42" : "45\(attachments.count)-"
        let number = id.map(String.init) ?? ""
        self.send("\(type)\(self.configuration.namespacePrefix)\(number)[\(JSONText.quoted(event)),\(json)]")
        for attachment in attachments {
            self.connection?.sendBinary(attachment)
        }
    }

    func acknowledge(id: Int, _ json: String) {
        self.send("43\(self.configuration.namespacePrefix)\(id)[\(json)]")
    }

    func call(_ event: String, _ json: String, id: Int, timeout: TimeAmount, answer: EventLoopPromise<String>) {
        guard self.connection != nil else {
            return answer.fail(SocketIOClientError(.closed, "\(event): the connection is closed"))
        }
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            guard let waiter = self.waiters.removeValue(forKey: id) else { return }
            waiter.answer.fail(
                SocketIOClientError(.acknowledgementTimeout, "\(event): no acknowledgement within \(timeout)"))
        }
        self.waiters[id] = Waiter(answer: answer, timeout: timer)
        self.emit(event, json, id: id, attachments: [])
    }

    func cancelCall(id: Int) {
        guard let waiter = self.waiters.removeValue(forKey: id) else { return }
        waiter.timeout.cancel()
        waiter.answer.fail(CancellationError())
    }

    private func send(_ text: String) {
        self.connection?.send(ByteBuffer(string: text))
    }

    // MARK: In

    func connectionOpened(_ connection: SocketIOConnection, handshakeHeaders: [(String, String)]) {
        self.connection = connection
        let opened = self.opened.take()
        opened?.succeed(SocketIOClient(session: self, handshakeHeaders: handshakeHeaders))
    }

    func connectionFailed(_ connection: SocketIOConnection, error: SocketIOClientError) {
        self.connection = nil
        self.continuation.finish()
        let opened = self.opened.take()
        opened?.fail(error)
        self.closed.succeed(.transportError(error.message))
    }

    func connectionClosed(_ connection: SocketIOConnection, reason: SocketIOCloseReason) {
        self.connection = nil
        self.incomplete = nil
        self.continuation.finish()
        let waiters = self.waiters
        self.waiters = [:]
        for waiter in waiters.values {
            waiter.timeout.cancel()
            waiter.answer.fail(SocketIOClientError(.closed, "the connection closed before the answer: \(reason)"))
        }
        let overflow = SocketIOCloseReason.overflow("over \(SocketIOClient.maximumEvents) events were not read")
        self.closed.succeed(self.hasOverflowed ? overflow : reason)
    }

    func connection(_ connection: SocketIOConnection, received payload: ByteBuffer) {
        guard let packet = SocketIOPacket(payload) else {
            return connection.violated("not a packet: \(String(buffer: payload).prefix(100))")
        }
        if packet.missingAttachments > 0 {
            self.incomplete = packet
        } else {
            self.deliver(packet)
        }
    }

    func connection(_ connection: SocketIOConnection, receivedBinary payload: ByteBuffer) {
        guard var packet = self.incomplete.take() else {
            return connection.violated("an attachment of nothing")
        }
        packet.attachments.append(payload)
        packet.missingAttachments -= 1
        if packet.missingAttachments > 0 {
            self.incomplete = packet
        } else {
            self.deliver(packet)
        }
    }

    private func deliver(_ packet: SocketIOPacket) {
        guard packet.namespace == self.configuration.namespace else { return }
        switch packet.kind {
        case .event(let name):
            let event = SocketIOEvent(
                name: name, arguments: packet.arguments, attachments: packet.attachments, acknowledgementID: packet.id)
            if case .dropped = self.continuation.yield(event) {
                self.hasOverflowed = true
                self.connection?.abort()
            }
        case .acknowledgement:
            guard let id = packet.id, let waiter = self.waiters.removeValue(forKey: id) else { return }
            waiter.timeout.cancel()
            waiter.answer.succeed(packet.arguments.first ?? "null")
        case .other: break
        }
    }
}
