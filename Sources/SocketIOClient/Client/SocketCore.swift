import NIOCore
import SocketIO
import Synchronization

/// What a `SocketIOClient.Socket` is on its event loop: where its namespace's connection stands, who waits for which
/// acknowledgement, what waits to be sent. Confined to its event loop.
final class SocketCore {
    private enum State {
        /// Not wanted: not yet, or not any more.
        case idle
        /// Wanted; there is no connection, or it is not asked for the namespace yet.
        case waiting
        /// CONNECT is on its way, or what goes into it is.
        case joining
        case connected
        case closed
    }

    private struct BufferedEmit {
        let id: Int?
        let packet: ByteBuffer
        let attachments: [ByteBuffer]
    }

    let namespace: String
    let status: SocketStatus
    private let eventLoop: any EventLoop
    private let configuration: SocketIOClient.Configuration
    private weak var client: ClientCore?
    private let auth: SocketIOAuth
    private let prefix: String
    private let events: AsyncStream<SocketIOEvent>.Continuation
    private let states: AsyncStream<SocketIOState>.Continuation
    private var state = State.idle
    /// Counts the attempts to join: an answer to an older one is none.
    private var attempt = 0
    private var timer: Scheduled<Void>?
    /// Why the newest attempt was the last one.
    private var failure: SocketIOClientError?
    private var joinWaiters: [Int: EventLoopPromise<Void>] = [:]
    private let calls: PendingCalls
    private var buffer: CircularBuffer<BufferedEmit> = []
    private var handlers: [String: @Sendable (SocketIOEvent) -> Void] = [:]
    /// What the server recovers this socket by, and the last event that came.
    private var pid: String?
    private var offset: String?

    init(
        _ namespace: String, auth: SocketIOAuth, client: ClientCore, status: SocketStatus,
        events: AsyncStream<SocketIOEvent>.Continuation, states: AsyncStream<SocketIOState>.Continuation
    ) {
        self.namespace = namespace
        self.prefix = SocketNamespace.prefix(namespace)
        self.auth = auth
        self.client = client
        self.eventLoop = client.eventLoop
        self.configuration = client.configuration
        self.calls = PendingCalls(on: client.eventLoop)
        self.status = status
        self.events = events
        self.states = states
    }

    /// Whether it is connected, or wants to be.
    var isActive: Bool {
        switch self.state {
        case .idle, .closed: false
        case .waiting, .joining, .connected: true
        }
    }

    // MARK: Connecting

    func connect() {
        guard self.state == .idle else { return }
        self.failure = nil
        self.state = .waiting
        self.client?.connect(self)
    }

    /// Fails where the namespace was refused or the client is closed; other failures are followed by attempts.
    func awaitConnection(_ id: Int, _ joined: EventLoopPromise<Void>) {
        switch self.state {
        case .connected: joined.succeed()
        case .idle, .closed:
            joined.fail(self.failure ?? SocketIOClientError(.closed, "\(self.namespace): disconnected"))
        case .waiting, .joining: self.joinWaiters[id] = joined
        }
    }

    func cancelAwaiting(_ id: Int) {
        let joined = self.joinWaiters.removeValue(forKey: id)
        joined?.fail(CancellationError())
    }

    /// DISCONNECT, by us.
    func disconnect() {
        guard self.isActive else { return }
        self.leave()
        self.client?.socketLeft(.clientDisconnect)
    }

    /// As `disconnect`, without a look at the other sockets.
    func leave() {
        guard self.isActive else { return }
        if self.state == .connected { self.client?.send(SocketIOPacketWriter.disconnect(prefix: self.prefix)) }
        self.left(.clientDisconnect, comesBack: false)
    }

    func engineOpened() {
        guard self.state == .waiting else { return }
        self.state = .joining
        self.attempt += 1
        let attempt = self.attempt
        let timeout = self.configuration.connectTimeout
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) { [weak self] in
            guard let self, self.state == .joining, self.attempt == attempt else { return }
            self.joinFailed(.init(.connectTimeout, "\(self.namespace): not connected within \(timeout)"))
        }
        self.auth.payload(self.eventLoop).assumeIsolated().whenComplete { result in
            guard self.state == .joining, self.attempt == attempt else { return }
            switch result {
            case .success(let auth):
                let recovery = self.pid.map { (pid: $0, offset: self.offset) }
                self.client?.send(SocketIOPacketWriter.connect(prefix: self.prefix, auth: auth, recovery: recovery))
            case .failure(let error):
                self.refused(.init(.authFailed, "\(self.namespace): no auth to connect with", underlying: error))
            }
        }
    }

    /// The client is to try again, where it does.
    private func joinFailed(_ error: SocketIOClientError) {
        self.timer?.cancel()
        let comesBack = self.configuration.reconnection != nil
        self.states.yield(.connectFailed(error, comesBack: comesBack))
        if !comesBack { self.failJoinWaiters(error) }
        self.client?.fail(.transportError(error.message))
    }

    /// The client does not try again by itself.
    private func refused(_ error: SocketIOClientError) {
        self.states.yield(.connectFailed(error, comesBack: false))
        self.failJoinWaiters(error)
        self.left(.clientDisconnect, comesBack: false)
        self.client?.socketLeft(.clientDisconnect)
    }

    // MARK: From the client

    func attemptFailed(_ error: SocketIOClientError, comesBack: Bool) {
        self.states.yield(.connectFailed(error, comesBack: comesBack))
        if !comesBack { self.failJoinWaiters(error) }
    }

    func waits(_ attempt: Int, _ pause: Duration) {
        self.states.yield(.waiting(attempt: attempt, pause: pause))
    }

    func engineClosed(_ reason: SocketIOCloseReason, comesBack: Bool) {
        guard self.isActive else { return }
        if self.state != .connected, !comesBack {
            var code = SocketIOClientError.Code.connectionFailed
            if case .parseError = reason { code = .protocolViolation }
            self.failJoinWaiters(.init(code, "closed before the namespace was connected: \(reason)"))
        }
        self.left(reason, comesBack: comesBack)
    }

    func closedForGood(_ reason: SocketIOCloseReason) {
        guard self.state != .closed else { return }
        self.left(reason, comesBack: false)
        self.state = .closed
        self.failJoinWaiters(.init(.closed, "the client is closed: \(reason)"))
        self.handlers = [:]
        self.events.finish()
        self.states.finish()
    }

    /// There is no connection to the namespace any more.
    private func left(_ reason: SocketIOCloseReason, comesBack: Bool) {
        self.timer?.cancel()
        self.attempt += 1
        if self.state == .connected {
            self.status.disconnected()
            self.states.yield(.disconnected(reason, comesBack: comesBack))
            self.calls.failAll("the connection closed before the answer: \(reason)")
        }
        self.state = comesBack ? .waiting : .idle
        guard !comesBack else { return }
        self.buffer.removeAll()
        self.calls.failAll("the connection closed: \(reason)")
    }

    // MARK: Out

    func emit(_ event: String, _ arguments: EncodedArguments, isVolatile: Bool) {
        guard self.state == .connected || !isVolatile else { return }
        self.send(SocketIOPacketWriter.event(event, arguments, prefix: self.prefix, id: nil), arguments, id: nil)
    }

    /// - Parameter id: of the acknowledgement; never used before.
    func call(
        _ event: String, _ arguments: EncodedArguments, id: Int, timeout: TimeAmount,
        answer: EventLoopPromise<EventPayload>
    ) {
        guard self.isActive else {
            return answer.fail(SocketIOClientError(.closed, "\(event): the socket is not connected"))
        }
        guard self.state == .connected || self.buffer.count < self.configuration.maximumBufferedEmits else {
            return answer.fail(SocketIOClientError(.bufferFull, "\(event): \(self.buffer.count) emits wait already"))
        }
        self.calls.add(id, answer, timeout: timeout) { [weak self] in
            self?.endCall(
                id, SocketIOClientError(.acknowledgementTimeout, "\(event): no acknowledgement within \(timeout)"))
        }
        self.send(SocketIOPacketWriter.event(event, arguments, prefix: self.prefix, id: id), arguments, id: id)
    }

    func cancelCall(_ id: Int) {
        self.endCall(id, CancellationError())
    }

    func acknowledge(_ id: Int, _ arguments: EncodedArguments) {
        guard self.state == .connected else { return }
        self.client?.send(
            SocketIOPacketWriter.acknowledgement(id, arguments, prefix: self.prefix),
            attachments: arguments.attachments)
    }

    func handle(_ event: String, _ handler: (@Sendable (SocketIOEvent) -> Void)?) {
        guard self.state != .closed else { return }
        self.handlers[event] = handler
    }

    private func send(_ packet: ByteBuffer, _ arguments: EncodedArguments, id: Int?) {
        switch self.state {
        case .connected: self.client?.send(packet, attachments: arguments.attachments)
        case .waiting, .joining:
            guard self.buffer.count < self.configuration.maximumBufferedEmits else { return self.status.emitDropped() }
            self.buffer.append(BufferedEmit(id: id, packet: packet, attachments: arguments.attachments))
        case .idle, .closed: break
        }
    }

    private func endCall(_ id: Int, _ error: any Error) {
        self.buffer.removeAll { $0.id == id }
        self.calls.fail(id, error)
    }

    private func failJoinWaiters(_ error: SocketIOClientError) {
        self.failure = self.failure ?? error
        let waiters = self.joinWaiters
        self.joinWaiters = [:]
        for waiter in waiters.values { waiter.fail(error) }
    }

    // MARK: In

    func received(_ packet: SocketIOPacket, _ attachments: [ByteBuffer]) throws(SocketIOPacket.Malformed) {
        switch packet.kind {
        case .connect: try self.joined(packet.payload)
        case .connectError: self.refusalReceived(packet.payload)
        case .disconnect:
            guard self.isActive else { return }
            self.left(.serverDisconnect, comesBack: false)
            self.client?.socketLeft(.serverDisconnect)
        case .event, .binaryEvent:
            guard self.state == .connected else { return }
            try self.eventReceived(packet, attachments)
        case .acknowledgement, .binaryAcknowledgement:
            guard let id = packet.id, let arguments = packet.payload?.elements() else {
                throw .init(message: "an acknowledgement without number or arguments")
            }
            self.calls.answer(id, EventPayload(arguments, attachments: attachments))
        }
    }

    private func joined(_ payload: JSONBytes?) throws(SocketIOPacket.Malformed) {
        guard self.state == .joining else { return }
        guard let id = payload?["sid"]?.string else { throw .init(message: "CONNECT answered without a sid") }
        let pid = payload?["pid"]?.string
        let isRecovered = pid != nil && pid == self.pid
        if !isRecovered { self.offset = nil }
        self.pid = pid
        self.timer?.cancel()
        self.state = .connected
        self.status.connected(id, recovered: isRecovered)
        for emit in self.buffer { self.client?.send(emit.packet, attachments: emit.attachments) }
        self.buffer.removeAll()
        self.states.yield(.connected(id: id, recovered: isRecovered))
        let waiters = self.joinWaiters
        self.joinWaiters = [:]
        for waiter in waiters.values { waiter.succeed() }
    }

    private func refusalReceived(_ payload: JSONBytes?) {
        guard self.state == .joining else { return }
        let text = String(buffer: (payload ?? .null).buffer)
        self.refused(
            .init(
                .connectError, "the namespace was refused: \(text)", connectError: text, data: payload?["data"]))
    }

    private func eventReceived(
        _ packet: SocketIOPacket, _ attachments: [ByteBuffer]
    ) throws(SocketIOPacket.Malformed) {
        guard var arguments = packet.payload?.elements(), let name = arguments.first?.string else {
            throw .init(message: "an event without a name")
        }
        arguments.removeFirst()
        var offset: String?
        // Servers that recover connections append it to what they log, which is what waits for no acknowledgement.
        if self.pid != nil, packet.id == nil, let last = arguments.last?.string {
            arguments.removeLast()
            offset = last
            self.offset = last
        }
        let event = SocketIOEvent(
            name: name, payload: EventPayload(arguments, attachments: attachments),
            acknowledgementID: packet.id, offset: offset)
        if let handler = self.handlers[name] {
            handler(event)
        } else if case .dropped = self.events.yield(event) {
            self.client?.abort(.overflow("over \(SocketIOClient.maximumEvents) events were not read"))
        }
    }
}
