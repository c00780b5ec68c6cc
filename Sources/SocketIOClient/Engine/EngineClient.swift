import NIOCore

/// What an `EngineClient` tells its owner, on its event loop.
///
/// Of `engineOpened` and `engineFailed` exactly one is called; after the first, `engineClosed` once and last.
protocol EngineClientDelegate: AnyObject {
    func engineOpened(_ engine: EngineClient)
    /// A message, without Engine.IO's type digit.
    func engine(_ engine: EngineClient, received text: ByteBuffer)
    func engine(_ engine: EngineClient, receivedBinary bytes: ByteBuffer)
    func engineFailed(_ engine: EngineClient, error: SocketIOClientError)
    func engineClosed(_ engine: EngineClient, reason: SocketIOCloseReason)
}

/// One Engine.IO v4 connection of a client, whatever its transport: handshake, heartbeat, upgrade. Confined to its event
/// loop.
final class EngineClient: WebSocketClientOwner {
    enum State {
        case connecting, open, closing, closed
    }

    let eventLoop: any EventLoop
    let configuration: SocketIOClient.Configuration
    let cookies: CookieJar
    /// The headers of the 101, or of the first answer to long-polling.
    private(set) var handshakeHeaders: [(String, String)] = []
    private(set) var handshake: EngineHandshake?
    private(set) var state = State.connecting
    /// Which transport carries packets.
    private(set) var transport: SocketIOClient.Transport
    private(set) var polling: PollingTransport?
    private var webSocket: WebSocketClientHandler?
    private var webSocketChannel: (any Channel)?
    private var candidate: UpgradeCandidate?

    private weak var delegate: (any EngineClientDelegate)?
    private var endpoint: Endpoint?
    /// The connect timer, then the heartbeat's, then that of closing.
    private var timer: Scheduled<Void>?
    private var lastPing = NIODeadline.now()
    /// Why closing began.
    private var closeReason: SocketIOCloseReason?

    init(
        _ configuration: SocketIOClient.Configuration, cookies: CookieJar, on eventLoop: any EventLoop,
        delegate: any EngineClientDelegate
    ) {
        self.configuration = configuration
        self.cookies = cookies
        self.eventLoop = eventLoop
        self.delegate = delegate
        self.transport = configuration.transports.first ?? .websocket
    }

    // MARK: For the owner

    /// Starts to connect; the delegate hears how it went, maybe before this returns.
    func open() {
        let endpoint: Endpoint
        do {
            endpoint = try self.configuration.endpoint()
        } catch {
            return self.fail(error)
        }
        self.endpoint = endpoint
        let timeout = self.configuration.connectTimeout
        self.schedule(TimeAmount(timeout)) {
            $0.fail(.init(.connectTimeout, "not connected within \(timeout)"))
        }
        switch self.transport {
        case .polling:
            let polling = PollingTransport(engine: self, endpoint: endpoint)
            self.polling = polling
            polling.open()
        case .websocket: self.webSocketRequest(endpoint).open(for: self)
        }
    }

    /// Sends a packet as it is, with its type digit.
    func send(_ packet: ByteBuffer) {
        switch self.transport {
        case .websocket: self.webSocket?.sendText(packet)
        case .polling: self.polling?.send(.text(packet))
        }
    }

    func sendBinary(_ bytes: ByteBuffer) {
        switch self.transport {
        case .websocket: self.webSocket?.sendBinary(bytes)
        case .polling: self.polling?.send(.binary(bytes))
        }
    }

    /// Sends bytes that are no frame. Nothing happens on long-polling.
    func sendBytes(_ bytes: ByteBuffer) {
        self.webSocket?.sendBytes(bytes)
    }

    /// Ends the connection after what was sent before: the WebSocket's closing handshake, or a close packet. The server
    /// has 2 s for it.
    func close(_ reason: SocketIOCloseReason = .clientDisconnect) {
        guard self.state != .closing else { return }
        guard self.state == .open else { return self.abort(reason) }
        self.state = .closing
        self.closeReason = reason
        self.candidate?.abandon()
        self.schedule(.seconds(2)) { $0.abort(reason) }
        if let polling = self.polling {
            polling.send(.text(ByteBuffer(string: "1")))
            polling.drain { [weak self] in self?.end(reason) }
        } else {
            self.webSocket?.sendClose(code: 1000)
        }
    }

    /// Closes TCP at once, without a word.
    func abort(_ reason: SocketIOCloseReason = .clientDisconnect) {
        if self.state == .connecting {
            self.fail(.init(.closed, "closed while connecting"))
        } else {
            self.end(reason)
            self.webSocketChannel?.close(promise: nil)
        }
    }

    // MARK: The upgrade

    /// The WebSocket is this connection's from now on.
    func adopt(_ handler: WebSocketClientHandler, _ channel: any Channel) {
        let waiting = self.polling?.takeOutgoing() ?? CircularBuffer()
        self.polling?.abort()
        self.polling = nil
        self.webSocket = handler
        self.webSocketChannel = channel
        self.transport = .websocket
        for packet in waiting {
            switch packet {
            case .text(let text): handler.sendText(text)
            case .binary(let bytes): handler.sendBinary(bytes)
            }
        }
    }

    func upgradeAbandoned() {
        self.polling?.resume()
    }

    // MARK: From the transports

    /// The headers of the answer that opened the connection.
    func handshakeAnswered(_ headers: [(String, String)]) {
        self.handshakeHeaders = headers
    }

    func connected(_ channel: any Channel) {
        guard self.state == .connecting else { return channel.close(promise: nil) }
        self.webSocketChannel = channel
    }

    func upgraded(_ handler: WebSocketClientHandler, headers: [(String, String)]) {
        self.webSocket = handler
        self.handshakeHeaders = headers
        self.cookies.store(headers)
    }

    func received(_ payload: ByteBuffer) {
        self.packetReceived(payload)
    }

    func receivedBinary(_ payload: ByteBuffer) {
        self.binaryReceived(payload)
    }

    func packetReceived(_ packet: ByteBuffer) {
        let type = packet.getInteger(at: packet.readerIndex, as: UInt8.self)
        switch (self.state, type) {
        case (.connecting, UInt8(ascii: "0")): self.openPacketReceived(packet)
        case (.open, UInt8(ascii: "4")):
            self.delegate?.engine(self, received: Self.withoutType(packet))
        case (.open, UInt8(ascii: "2")), (.closing, UInt8(ascii: "2")):
            self.lastPing = .now()
            var pong = packet
            pong.setInteger(UInt8(ascii: "3"), at: pong.readerIndex)
            self.send(pong)
        case (.open, UInt8(ascii: "6")), (.closing, _), (.closed, _): break
        case (.open, UInt8(ascii: "1")):
            let reason = SocketIOCloseReason.transportClose(code: nil, reason: "close packet")
            if self.transport == .websocket { self.close(reason) } else { self.end(reason) }
        default: self.violated("unexpected packet: \(String(buffer: packet).prefix(100))")
        }
    }

    func binaryReceived(_ bytes: ByteBuffer) {
        guard self.state == .open else { return }
        self.delegate?.engine(self, receivedBinary: bytes)
    }

    /// The server sent what Engine.IO forbids.
    func violated(_ message: String) {
        if self.state == .connecting {
            self.fail(.init(.protocolViolation, message))
        } else {
            self.close(.transportError(message))
        }
    }

    /// A transport cannot go on.
    func fail(_ error: SocketIOClientError) {
        switch self.state {
        case .connecting:
            self.finish()
            self.delegate?.engineFailed(self, error: error)
        case .open, .closing:
            self.end(.transportError(error.message))
        case .closed: break
        }
    }

    /// The connection is over. The first reason counts.
    func end(_ reason: SocketIOCloseReason) {
        switch self.state {
        case .connecting:
            self.fail(.init(.connectionFailed, "closed before the namespace was connected: \(reason)"))
        case .open, .closing:
            self.finish()
            self.delegate?.engineClosed(self, reason: self.closeReason ?? reason)
        case .closed: break
        }
    }

    // MARK: Steps

    private func openPacketReceived(_ packet: ByteBuffer) {
        guard let handshake = EngineHandshake(packet) else {
            return self.violated("open packet without sid, pingInterval, pingTimeout")
        }
        self.handshake = handshake
        self.state = .open
        self.polling?.opened(handshake)
        self.lastPing = .now()
        self.awaitPing(handshake.patience)
        self.delegate?.engineOpened(self)
        guard self.state == .open, self.transport == .polling, self.configuration.upgrade,
            self.configuration.transports.contains(.websocket), handshake.upgrades.contains("websocket"),
            let endpoint = self.endpoint
        else { return }
        self.candidate = UpgradeCandidate(for: self, self.webSocketRequest(endpoint))
    }

    private func webSocketRequest(_ endpoint: Endpoint) -> WebSocketRequest {
        WebSocketRequest(
            endpoint: endpoint, uri: endpoint.uri(.websocket, sid: self.handshake?.sid), cookie: self.cookies.header,
            timeout: TimeAmount(self.configuration.connectTimeout),
            maximumMessageBytes: self.configuration.maximumMessageBytes)
    }

    /// One timer a connection, renewed when it fires and not at every ping.
    private func awaitPing(_ patience: TimeAmount) {
        self.schedule(patience) { engine in
            let left = engine.lastPing + (engine.handshake?.patience ?? .zero) - .now()
            guard left <= .zero else { return engine.awaitPing(left) }
            engine.end(.pingTimeout)
            engine.webSocketChannel?.close(promise: nil)
        }
    }

    private func schedule(_ delay: TimeAmount, _ action: @escaping (EngineClient) -> Void) {
        self.timer?.cancel()
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            if let self { action(self) }
        }
    }

    private static func withoutType(_ packet: ByteBuffer) -> ByteBuffer {
        var packet = packet
        packet.moveReaderIndex(forwardBy: 1)
        return packet
    }

    private func finish() {
        let wasConnecting = self.state == .connecting
        self.state = .closed
        self.timer?.cancel()
        self.polling?.abort()
        self.polling = nil
        self.candidate?.abandon()
        self.webSocket = nil
        if wasConnecting { self.webSocketChannel?.close(promise: nil) }
    }
}
