public import NIOCore

/// One Engine.IO connection, whatever carries it. Confined to its event loop.
///
/// It answers for the heartbeat and the end of the connection; what the messages mean is its delegate's business.
public final class EngineConnection: EngineTransportDelegate {
    /// Names a connection within its shard; never used twice.
    package struct ID: Hashable, Sendable {
        let number: UInt64
    }

    private enum State: Equatable {
        case open
        case closed(CloseReason)
    }

    /// A peer that is behind, and since when it has taken nothing.
    private struct Stall {
        var since: NIODeadline
        var takenBytes: Int
    }

    /// More than so many times the configured limit in messages that may not be left out closes the connection.
    private static let overflowFactor = 4

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
    private var isOverflowing = false
    private var stall: Stall?

    init(id: ID, sid: String, peer: SocketAddress?, loop: EngineLoop, transport: any EngineTransport) {
        self.id = id
        self.sid = sid
        self.peer = peer
        self.loop = loop
        self.transport = transport
    }

    /// - Parameter delegate: hears at once of an end that came before it was known.
    func start(_ delegate: any EngineConnectionDelegate) {
        if case .closed(let reason) = state {
            delegate.closed(reason)
        } else {
            self.delegate = delegate
        }
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
        queued()
    }

    /// Queues a message that was encoded once for many receivers.
    public func send(_ message: EncodedMessage) {
        guard state == .open else { return }
        transport.send(encoded: message)
        queued()
    }

    /// Whether the peer keeps up: less waits for it than the configured limit.
    public var isWritable: Bool { state == .open && transport.isWritable }

    public var isOpen: Bool { state == .open }

    /// Where the loop's ``ShortWays`` have the connection, for as long as it is open.
    package var shortWay: ShortWays.Place { transport.shortWay }

    /// Ends the connection. The delegate hears of it before this returns; a second call does nothing.
    public func close(_ reason: CloseReason) {
        guard state == .open else { return }
        state = .closed(reason)
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
        state = .closed(reason)
        finish(reason)
    }

    /// The transport took what had been waiting, or is full now.
    package func writabilityChanged(now: NIODeadline) {
        guard state == .open else { return }
        if transport.isWritable {
            stall = nil
            delegate?.drained()
        } else if stall == nil {
            stall = Stall(since: now, takenBytes: transport.takenBytes)
            loop.stalled(self)
        }
    }

    /// The transport has something of its own to send at the end of the loop's turn.
    package func wantsFlush() {
        guard !needsFlush else { return }
        needsFlush = true
        loop.wantsFlush(self)
    }

    /// Another transport carries the connection from now on.
    func moved(to transport: any EngineTransport) {
        self.transport = transport
        // It counts from its own beginning.
        stall?.takenBytes = transport.takenBytes
        wantsFlush()
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
        guard state == .open else { return }
        // Here, and not where it was sent: nobody who sends is surprised by the end of the connection.
        if isOverflowing {
            close(.forcedClose)
        } else {
            transport.flush()
        }
    }

    /// Closes a peer that is behind and has taken nothing for a time.
    ///
    /// - Returns: Whether it still has to be watched.
    func closeIfStalled(for time: TimeAmount, now: NIODeadline) -> Bool {
        guard state == .open, var stall else { return false }
        let taken = transport.takenBytes
        if taken > stall.takenBytes {
            stall.takenBytes = taken
            stall.since = now
            self.stall = stall
        }
        guard now - stall.since >= time else { return true }
        close(.forcedClose)
        return false
    }

    private func pongReceived() {
        // An unsolicited pong changes nothing: no timer, no entry in a queue.
        guard pongDeadline != nil else { return }
        pongDeadline = nil
        loop.isAlive(self)
    }

    private func queued() {
        if !transport.isWritable, transport.queuedBytes > Self.overflowFactor * loop.configuration.maximumQueuedBytes {
            isOverflowing = true
        }
        wantsFlush()
    }

    private func finish(_ reason: CloseReason) {
        let delegate = delegate
        self.delegate = nil
        loop.removed(self)
        delegate?.closed(reason)
    }

    private static let pingPacket = ByteBuffer(string: "2")
}
