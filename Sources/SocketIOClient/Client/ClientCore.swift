import NIOCore
import Synchronization

/// What a `SocketIOClient` is on its event loop: one connection at a time, and the sockets that share it. Confined to
/// its event loop.
final class ClientCore: EngineClientDelegate {
    let eventLoop: any EventLoop
    let configuration: SocketIOClient.Configuration
    /// How the client ended for good.
    private let closed: EventLoopPromise<SocketIOCloseReason>
    private let cookies: CookieJar
    private let status: ClientStatus
    private var machine: ReconnectionMachine
    private var engine: EngineClient?
    private var sockets: [String: SocketCore] = [:]
    private var assembler: SocketIOPacketAssembler
    private var pause: Scheduled<Void>?
    /// Whether the connection is being closed because no socket wanted it any more.
    private var isLeaving = false
    /// Why the client is about to end for good, once it is.
    private var closeReason: SocketIOCloseReason?
    private var isClosed = false

    init(
        _ configuration: SocketIOClient.Configuration, cookies: CookieJar, status: ClientStatus,
        closed: EventLoopPromise<SocketIOCloseReason>, on eventLoop: any EventLoop
    ) {
        self.configuration = configuration
        self.cookies = cookies
        self.status = status
        self.eventLoop = eventLoop
        self.closed = closed
        self.machine = ReconnectionMachine(configuration.reconnection)
        self.assembler = SocketIOPacketAssembler(maximumAttachmentBytes: configuration.maximumMessageBytes)
    }

    // MARK: For sockets

    /// A socket wants to be connected, and hears `engineOpened` when there is a connection.
    func connect(_ socket: SocketCore) {
        guard !self.isClosed else {
            return socket.closedForGood(self.closeReason ?? .clientDisconnect)
        }
        self.sockets[socket.namespace] = socket
        if self.engine?.state == .open {
            socket.engineOpened()
        } else {
            self.act(on: self.machine.connectWanted())
        }
    }

    /// A socket does not want to be connected any more; with the last one, the connection ends.
    func socketLeft(_ reason: SocketIOCloseReason) {
        guard !self.sockets.values.contains(where: \.isActive) else { return }
        self.pause?.cancel()
        self.machine.waitingCancelled()
        if self.configuration.reconnection == nil { self.closeReason = self.closeReason ?? reason }
        guard let engine = self.engine else { return }
        self.isLeaving = true
        engine.close(reason)
    }

    func send(_ packet: ByteBuffer, attachments: [ByteBuffer] = []) {
        self.engine?.send(packet)
        for attachment in attachments { self.engine?.sendBinary(attachment) }
    }

    /// The connection is of no use; another one may be.
    func fail(_ reason: SocketIOCloseReason) {
        self.engine?.close(reason)
    }

    // MARK: For the client

    /// What carries packets now; nil: there is no connection.
    var transport: SocketIOClient.Transport? {
        self.engine.flatMap { $0.state == .open ? $0.transport : nil }
    }

    func sendBytes(_ bytes: ByteBuffer) {
        self.engine?.sendBytes(bytes)
    }

    func sendBinary(_ bytes: ByteBuffer) {
        self.engine?.sendBinary(bytes)
    }

    /// Disconnects all sockets, then the connection.
    func close() {
        guard !self.isClosed, self.closeReason == nil else { return }
        self.closeReason = .clientDisconnect
        for socket in self.sockets.values { socket.leave() }
        guard let engine = self.engine else { return self.finish() }
        engine.close()
    }

    /// Ends everything at once, without a word to the server.
    func abort(_ reason: SocketIOCloseReason = .clientDisconnect) {
        guard !self.isClosed else { return }
        self.closeReason = self.closeReason ?? reason
        guard let engine = self.engine else { return self.finish() }
        engine.abort()
    }

    // MARK: From the engine

    func engineOpened(_ engine: EngineClient) {
        guard engine === self.engine else { return }
        self.machine.opened()
        self.status.opened(engine)
        for socket in self.sockets.values where socket.isActive { socket.engineOpened() }
    }

    func engine(_ engine: EngineClient, received text: ByteBuffer) {
        do throws(SocketIOPacket.Malformed) {
            if let packet = try self.assembler.textReceived(text) { self.deliver(packet, []) }
        } catch {
            engine.close(.parseError(error.message))
        }
    }

    func engine(_ engine: EngineClient, receivedBinary bytes: ByteBuffer) {
        do throws(SocketIOPacket.Malformed) {
            guard let (packet, attachments) = try self.assembler.binaryReceived(bytes) else { return }
            self.deliver(packet, attachments)
        } catch {
            engine.close(.parseError(error.message))
        }
    }

    func engineFailed(_ engine: EngineClient, error: SocketIOClientError) {
        guard engine === self.engine else { return }
        let action = self.ended()
        let comesBack = action != .none && action != .giveUp
        for socket in self.sockets.values where socket.isActive { socket.attemptFailed(error, comesBack: comesBack) }
        if self.closeReason == nil, action == .giveUp { self.closeReason = .transportError(error.message) }
        self.act(on: action)
    }

    func engineClosed(_ engine: EngineClient, reason: SocketIOCloseReason) {
        guard engine === self.engine else { return }
        let action = self.ended()
        let comesBack = action != .none && action != .giveUp
        for socket in self.sockets.values { socket.engineClosed(self.closeReason ?? reason, comesBack: comesBack) }
        if self.closeReason == nil, action == .giveUp { self.closeReason = reason }
        self.act(on: action)
    }

    // MARK: Steps

    private func deliver(_ packet: SocketIOPacket, _ attachments: [ByteBuffer]) {
        guard let socket = self.sockets[packet.namespace] else { return }
        do throws(SocketIOPacket.Malformed) {
            try socket.received(packet, attachments)
        } catch {
            self.engine?.close(.parseError(error.message))
        }
    }

    private func ended() -> ReconnectionMachine.Action {
        self.engine = nil
        self.assembler = SocketIOPacketAssembler(maximumAttachmentBytes: self.configuration.maximumMessageBytes)
        guard self.closeReason == nil else { return .giveUp }
        let isWanted = self.sockets.values.contains(where: \.isActive)
        guard !self.isLeaving else {
            // A socket that was told to connect meanwhile has waited long enough.
            self.isLeaving = false
            let action = self.machine.ended(isWanted: false, random: 0)
            return action == .none && isWanted ? self.machine.connectWanted() : action
        }
        return self.machine.ended(isWanted: isWanted, random: self.configuration.reconnection?.random() ?? 0)
    }

    private func act(on action: ReconnectionMachine.Action) {
        switch action {
        case .none: break
        case .giveUp: self.finish()
        case .open:
            let engine = EngineClient(self.configuration, cookies: self.cookies, on: self.eventLoop, delegate: self)
            self.engine = engine
            engine.open()
        case .wait(let attempt, let pause):
            for socket in self.sockets.values where socket.isActive { socket.waits(attempt, pause) }
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.pause = self.configuration.reconnection?.schedule(self.eventLoop, pause) {
                let core = bound.value
                core.act(on: core.machine.pauseEnded())
            }
        }
    }

    private func finish() {
        guard !self.isClosed else { return }
        let reason = self.closeReason ?? .clientDisconnect
        self.closeReason = reason
        self.isClosed = true
        self.machine.closed()
        self.pause?.cancel()
        for socket in self.sockets.values { socket.closedForGood(reason) }
        self.sockets = [:]
        self.closed.succeed(reason)
    }
}

/// What is known of a client's newest connection, to any thread.
final class ClientStatus: Sendable {
    struct Connection {
        var engineID = ""
        var handshakeHeaders: [(String, String)] = []
    }

    private let connection = Mutex(Connection())

    var newest: Connection { self.connection.withLock { $0 } }

    func opened(_ engine: EngineClient) {
        let connection = Connection(
            engineID: engine.handshake?.sid ?? "", handshakeHeaders: engine.handshakeHeaders)
        self.connection.withLock { $0 = connection }
    }
}
