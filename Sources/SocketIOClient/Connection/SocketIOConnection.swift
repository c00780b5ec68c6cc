public import NIOCore
import SocketIO

/// What a `SocketIOConnection` tells its owner, always on the connection's event loop.
///
/// Of `connectionOpened` and `connectionFailed` exactly one is called; after the first, `connectionClosed` once and
/// last.
public protocol SocketIOConnectionDelegate: AnyObject {
    /// The namespace is connected. The headers are those of the 101.
    func connectionOpened(_ connection: SocketIOConnection, handshakeHeaders: [(String, String)])
    /// A text payload as it came, a slice of the receive buffer: `42["patch",{…}]`. Pings, the open packet and the
    /// answer to CONNECT do not come here.
    func connection(_ connection: SocketIOConnection, received payload: ByteBuffer)
    /// A binary payload: the attachment of a binary event or acknowledgement.
    func connection(_ connection: SocketIOConnection, receivedBinary payload: ByteBuffer)
    func connectionFailed(_ connection: SocketIOConnection, error: SocketIOClientError)
    func connectionClosed(_ connection: SocketIOConnection, reason: SocketIOCloseReason)
}

/// One Engine.IO v4 / Socket.IO v5 connection, over WebSocket alone, that costs little: payloads stay bytes, nothing is parsed
/// but the packet type, pings are answered. A load generator opens thousands of them with one delegate.
/// `SocketIOClient` is the comfortable form.
///
/// Confined to its event loop: every member may be used on it only.
public final class SocketIOConnection: WebSocketClientOwner {
    private enum State {
        case connecting, opening, joining, open, closing, closed
    }

    public let eventLoop: any EventLoop
    /// The owner's own number for the connection.
    public let tag: Int
    /// The Engine.IO `sid`; empty until open.
    public private(set) var engineID = ""
    /// The Socket.IO `sid`; empty until open.
    public private(set) var socketID = ""
    public var isOpen: Bool { self.state == .open }

    /// Kept until the end of the connection.
    private var delegate: (any SocketIOConnectionDelegate)?
    /// Events that came before the answer to CONNECT, as some servers send them (python-socketio, from its connect
    /// handler): the official JavaScript client keeps them too. More than 16 are a violation.
    private var earlyEvents: [ByteBuffer] = []
    /// What stands before the payload of a packet of our namespace.
    private let namespacePrefix: String
    private let auth: String?
    private var state = State.connecting
    private var channel: (any Channel)?
    private var handler: WebSocketClientHandler?
    private var handshakeHeaders: [(String, String)] = []
    /// The connect timer, then the heartbeat's, then that of the closing handshake.
    private var timer: Scheduled<Void>?
    private var pingPatience = TimeAmount.zero
    private var lastPing = NIODeadline.now()
    /// Why the closing handshake began.
    private var closeReason: SocketIOCloseReason?

    private init(
        _ configuration: SocketIOClient.Configuration, _ eventLoop: any EventLoop,
        _ delegate: any SocketIOConnectionDelegate,
        _ tag: Int
    ) {
        self.auth = configuration.auth
        self.namespacePrefix = SocketNamespace.prefix(configuration.namespace)
        self.eventLoop = eventLoop
        self.delegate = delegate
        self.tag = tag
    }

    /// Starts to connect; the delegate hears how it went. What the configuration says of transports, reconnection and
    /// buffers means nothing here. To be called on `eventLoop`, which must be one of NIOPosix's.
    @discardableResult
    public static func connect(
        _ configuration: SocketIOClient.Configuration, on eventLoop: any EventLoop,
        delegate: any SocketIOConnectionDelegate, tag: Int = 0
    ) -> SocketIOConnection {
        eventLoop.preconditionInEventLoop()
        let connection = SocketIOConnection(configuration, eventLoop, delegate, tag)
        connection.schedule(TimeAmount(configuration.connectTimeout)) {
            $0.fail(.init(.connectTimeout, "not connected within \(configuration.connectTimeout)"))
        }
        connection.start(configuration)
        return connection
    }

    // MARK: For the owner

    /// Sends a text payload as it is, with its Engine.IO type: `42["act",{…}]`. Sends of one turn of the loop leave
    /// together. Nothing happens on a connection that is not open.
    public func send(_ payload: ByteBuffer) {
        self.handler?.sendText(payload)
    }

    /// Sends a binary payload: the attachment of a binary packet sent before.
    public func sendBinary(_ payload: ByteBuffer) {
        self.handler?.sendBinary(payload)
    }

    /// Sends bytes that are no frame, for tests that misbehave.
    public func sendBytes(_ bytes: ByteBuffer) {
        self.handler?.sendBytes(bytes)
    }

    /// Disconnects: `41`, then the closing handshake, for which the server has 2 s.
    public func close() {
        guard self.state == .open, let handler = self.handler else { return self.abort() }
        handler.sendText(ByteBuffer(string: "41" + self.namespacePrefix))
        self.startClosing(.clientDisconnect)
    }

    /// Closes TCP at once, without a word.
    public func abort() {
        switch self.state {
        case .connecting, .opening, .joining: self.fail(.init(.closed, "closed while connecting"))
        case .open, .closing:
            self.end(.clientDisconnect)
            self.channel?.close(promise: nil)
        case .closed: break
        }
    }

    // MARK: From the channel

    private func start(_ configuration: SocketIOClient.Configuration) {
        let endpoint: Endpoint
        do {
            endpoint = try configuration.endpoint()
        } catch {
            return self.fail(error)
        }
        WebSocketRequest(
            endpoint: endpoint, uri: endpoint.uri(.websocket), cookie: CookieJar.header(of: configuration),
            timeout: TimeAmount(configuration.connectTimeout),
            maximumMessageBytes: configuration.maximumMessageBytes
        ).open(for: self)
    }

    func connected(_ channel: any Channel) {
        guard self.state != .closed else { return channel.close(promise: nil) }
        self.channel = channel
    }

    func upgraded(_ handler: WebSocketClientHandler, headers: [(String, String)]) {
        guard self.state == .connecting else { return }
        self.state = .opening
        self.handler = handler
        self.handshakeHeaders = headers
    }

    func received(_ payload: ByteBuffer) {
        let type = payload.getInteger(at: payload.readerIndex, as: UInt8.self)
        switch (self.state, type) {
        case (.opening, UInt8(ascii: "0")): self.openPacketReceived(payload)
        case (_, UInt8(ascii: "2")):
            self.lastPing = .now()
            var pong = payload
            pong.setInteger(UInt8(ascii: "3"), at: pong.readerIndex)
            self.handler?.sendText(pong)
        case (_, UInt8(ascii: "6")): break
        case (_, UInt8(ascii: "1")):
            self.startClosing(.transportClose(code: nil, reason: "close packet"))
        case (.joining, UInt8(ascii: "4")): self.connectAnswerReceived(payload)
        case (.open, UInt8(ascii: "4")):
            if payload.getInteger(at: payload.readerIndex + 1, as: UInt8.self) == UInt8(ascii: "1"),
                self.isOurs(payload)
            {
                self.startClosing(.serverDisconnect)
            } else {
                self.delegate?.connection(self, received: payload)
            }
        case (.closing, _), (.closed, _): break
        default: self.violated("unexpected packet: \(String(buffer: payload).prefix(100))")
        }
    }

    func receivedBinary(_ payload: ByteBuffer) {
        guard self.state == .open else { return }
        self.delegate?.connection(self, receivedBinary: payload)
    }

    /// The attempt to connect is over.
    func fail(_ error: SocketIOClientError) {
        switch self.state {
        case .connecting, .opening, .joining: break
        case .open, .closing, .closed: return
        }
        self.finish()
        let delegate = self.delegate.take()
        delegate?.connectionFailed(self, error: error)
    }

    /// The open connection is over. The first reason counts.
    func end(_ reason: SocketIOCloseReason) {
        switch self.state {
        case .connecting, .opening, .joining:
            self.fail(.init(.connectionFailed, "closed before the namespace was connected: \(reason)"))
        case .open, .closing:
            self.finish(closeChannel: false)
            let delegate = self.delegate.take()
            delegate?.connectionClosed(self, reason: self.closeReason ?? reason)
        case .closed: break
        }
    }

    // MARK: Steps

    private func openPacketReceived(_ payload: ByteBuffer) {
        guard let open = EngineHandshake(payload) else {
            return self.violated("open packet without sid, pingInterval, pingTimeout")
        }
        self.engineID = open.sid
        self.pingPatience = open.patience
        self.state = .joining
        self.handler?.sendText(ByteBuffer(string: "40" + self.namespacePrefix + (self.auth ?? "")))
    }

    private func connectAnswerReceived(_ payload: ByteBuffer) {
        guard self.isOurs(payload), let kind = payload.getInteger(at: payload.readerIndex + 1, as: UInt8.self) else {
            return self.violated("not an answer to CONNECT: \(String(buffer: payload).prefix(100))")
        }
        let json = payload.readableBytesView.dropFirst(2 + self.namespacePrefix.utf8.count)
        switch kind {
        case UInt8(ascii: "0"):
            guard let id = (try? JSONBytes(validating: ByteBuffer(json)))?["sid"]?.string else {
                return self.violated("CONNECT answered without a sid")
            }
            self.socketID = id
            self.state = .open
            self.lastPing = .now()
            self.awaitPing(self.pingPatience)
            let headers = self.handshakeHeaders
            self.handshakeHeaders = []
            let events = self.earlyEvents
            self.earlyEvents = []
            self.delegate?.connectionOpened(self, handshakeHeaders: headers)
            for event in events where self.state == .open { self.delegate?.connection(self, received: event) }
        case UInt8(ascii: "2") where self.earlyEvents.count < 16:
            self.earlyEvents.append(payload)
        case UInt8(ascii: "4"):
            let text = String(decoding: json, as: UTF8.self)
            let data = (try? JSONBytes(validating: ByteBuffer(json)))?["data"]
            self.fail(.init(.connectError, "the namespace was refused: \(text)", connectError: text, data: data))
        default:
            self.violated("not an answer to CONNECT: \(String(buffer: payload).prefix(100))")
        }
    }

    private func isOurs(_ payload: ByteBuffer) -> Bool {
        let rest = payload.readableBytesView.dropFirst(2)
        let prefix = self.namespacePrefix.utf8
        if prefix.isEmpty { return rest.first != UInt8(ascii: "/") }
        // DISCONNECT may come without the comma.
        return rest.starts(with: prefix) || rest.elementsEqual(prefix.dropLast())
    }

    func violated(_ message: String) {
        switch self.state {
        case .connecting, .opening, .joining: self.fail(.init(.protocolViolation, message))
        case .open: self.startClosing(.transportError(message))
        case .closing, .closed: break
        }
    }

    private func startClosing(_ reason: SocketIOCloseReason) {
        guard self.state == .open else {
            return self.fail(.init(.connectionFailed, "closed before the namespace was connected: \(reason)"))
        }
        self.state = .closing
        self.closeReason = reason
        self.schedule(.seconds(2)) { $0.abort() }
        self.handler?.sendClose(code: 1000)
    }

    /// One timer a connection, renewed when it fires and not at every ping.
    private func awaitPing(_ patience: TimeAmount) {
        self.schedule(patience) { connection in
            let left = connection.lastPing + connection.pingPatience - .now()
            guard left <= .zero else { return connection.awaitPing(left) }
            connection.end(.pingTimeout)
            connection.channel?.close(promise: nil)
        }
    }

    private func schedule(_ delay: TimeAmount, _ action: @escaping (SocketIOConnection) -> Void) {
        self.timer?.cancel()
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            if let self { action(self) }
        }
    }

    private func finish(closeChannel: Bool = true) {
        self.state = .closed
        self.timer?.cancel()
        self.timer = nil
        self.handler = nil
        if closeChannel { self.channel?.close(promise: nil) }
    }
}
