public import NIOCore

/// One Engine.IO connection, whatever carries it. Confined to its event loop.
///
/// It answers for the heartbeat and the end of the connection; what the messages mean is its delegate's business.
public final class EngineConnection {
    /// Names a connection within its shard; never used twice.
    package struct ID: Hashable, Sendable {
        let number: UInt64
    }

    private enum State {
        case open
        case closed
    }

    /// What clients call the connection: the node's name, a full stop, 128 random bits. A secret; never logged.
    public let sid: String
    /// The handshake's address: who is at the other end, a proxy's where there is one.
    public let peer: SocketAddress?

    package let id: ID
    private unowned let loop: EngineLoop
    private var transport: any EngineTransport
    private var delegate: (any EngineConnectionDelegate)?
    private var state = State.open
    private var pongDeadline: NIODeadline?
    private var needsFlush = false
    private var stuckSince: NIODeadline?

    init(id: ID, sid: String, peer: SocketAddress?, loop: EngineLoop, transport: any EngineTransport) {
        self.id = id
        self.sid = sid
        self.peer = peer
        self.loop = loop
        self.transport = transport
    }

    func start(_ delegate: any EngineConnectionDelegate) {
        self.delegate = delegate
    }

    // MARK: What the application does

    /// Queues a text message, without Engine.IO's type digit. Left out when the connection is over.
    public func send(text: ByteBuffer) {
        guard state == .open else { return }
        send(EncodedMessage(message: text))
    }

    /// Queues a binary message.
    public func send(binary: ByteBuffer) {
        guard state == .open else { return }
        transport.send(binary: binary)
        wantsFlush()
    }

    /// Queues a message that was encoded once for many receivers.
    public func send(_ message: EncodedMessage) {
        guard state == .open else { return }
        transport.send(encoded: message)
        wantsFlush()
    }

    /// Whether the peer keeps up: less waits for it than the configured limit.
    public var isWritable: Bool { state == .open && transport.isWritable }

    public var isOpen: Bool { state == .open }

    /// Ends the connection. The delegate hears of it before this returns; a second call does nothing.
    public func close(_ reason: CloseReason) {
        guard state == .open else { return }
        state = .closed
        transport.close(reason)
        finish(reason)
    }

    // MARK: What the transport tells

    package func received(_ packet: EnginePacket) {
        guard state == .open else { return }
        switch packet {
        case .text(.message, let payload):
            delegate?.received(text: payload)
        case .binary(let payload):
            delegate?.received(binary: payload)
        case .text(.pong, _):
            pongReceived()
        case .text(.close, _):
            close(.transportClose)
        case .text(.noop, _):
            break
        case .text(.open, _), .text(.ping, _), .text(.upgrade, _):
            // Engine.IO v4: only the server opens and pings; an upgrade packet belongs to a probed transport.
            close(.parseError)
        }
    }

    /// The transport is gone by itself.
    package func transportEnded(_ reason: CloseReason) {
        guard state == .open else { return }
        state = .closed
        finish(reason)
    }

    /// The transport took what had been waiting, or is full now.
    package func writabilityChanged(now: NIODeadline) {
        guard state == .open else { return }
        if transport.isWritable {
            stuckSince = nil
            delegate?.drained()
        } else if stuckSince == nil {
            stuckSince = now
            loop.becameStuck(self)
        }
    }

    // MARK: What the shard does

    func ping(pongBefore deadline: NIODeadline) {
        guard state == .open else { return }
        pongDeadline = deadline
        transport.send(text: Self.pingPacket)
        wantsFlush()
    }

    /// - Parameter deadline: that of the ping in question; a later one has its own.
    func pongDue(_ deadline: NIODeadline) {
        if state == .open, pongDeadline == deadline {
            close(.pingTimeout)
        }
    }

    func flush() {
        needsFlush = false
        if state == .open {
            transport.flush()
        }
    }

    /// Closes a peer that has taken nothing since before `deadline`.
    ///
    /// - Returns: Whether it still has to be watched.
    func closeIfStuck(since deadline: NIODeadline) -> Bool {
        guard state == .open, let stuckSince else { return false }
        guard stuckSince <= deadline else { return true }
        close(.forcedClose)
        return false
    }

    private func pongReceived() {
        // An unsolicited pong changes nothing: no timer, no entry in a queue.
        guard pongDeadline != nil else { return }
        pongDeadline = nil
        loop.isAlive(self)
    }

    private func wantsFlush() {
        guard !needsFlush else { return }
        needsFlush = true
        loop.wantsFlush(self)
    }

    private func finish(_ reason: CloseReason) {
        let delegate = delegate
        self.delegate = nil
        loop.removed(self)
        delegate?.closed(reason)
    }

    private static let pingPacket = ByteBuffer(string: "2")
}
