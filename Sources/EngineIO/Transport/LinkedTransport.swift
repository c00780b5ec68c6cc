import CoreMetrics
import DequeModule
import NIOCore
import Synchronization

/// A session's end of the WebSocket that replaced its polling. Confined to the session's event loop.
final class LinkedTransport: EngineTransport {
    /// What goes to the other event loop with the next flush.
    enum Item: Sendable {
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case encoded(EncodedMessage)

        var byteCount: Int {
            switch self {
            case .text(let bytes), .binary(let bytes): bytes.readableBytes
            case .encoded(let message): message.byteCount
            }
        }
    }

    private enum State {
        /// The session still polls; what the WebSocket brings waits.
        case waiting(Deque<EnginePacket>, byteCount: Int)
        case open(EngineConnection)
        case closed
    }

    private let loop: EngineLoop
    private let link: WebSocketLink
    private var state = State.waiting([], byteCount: 0)
    private var items: [Item] = []
    private var itemBytes = 0
    private var isFull = false

    init(loop: EngineLoop, link: WebSocketLink) {
        self.loop = loop
        self.link = link
    }

    /// The session is this transport's.
    func begin(_ connection: EngineConnection, wasFull: Bool) {
        guard case .waiting(let packets, _) = state else { return }
        state = .open(connection)
        isFull = wasFull
        writabilityChanged()
        for packet in packets {
            guard case .open = state else { return }
            connection.received(packet)
        }
    }

    // MARK: From the WebSocket

    func received(_ packet: EnginePacket) {
        let byteCount = packet.byteCount
        link.receivedBytes.subtract(byteCount, ordering: .sequentiallyConsistent)
        if link.isPaused.load(ordering: .sequentiallyConsistent) {
            link.onSocket { $0.readOn() }
        }
        switch state {
        case .open(let connection):
            connection.received(packet)
        case .waiting(var packets, let waiting):
            guard waiting + byteCount <= loop.configuration.maximumQueuedBytes else {
                loop.counters.violations.increment()
                return failWaiting(.transportError)
            }
            state = .closed  // so that the storage is not shared while it grows
            packets.append(packet)
            state = .waiting(packets, byteCount: waiting + byteCount)
        case .closed:
            break
        }
    }

    /// The WebSocket is gone.
    func ended(_ reason: CloseReason) {
        switch state {
        case .open(let connection):
            state = .closed
            link.session.value = nil
            connection.transportEnded(reason)
        case .waiting:
            failWaiting(reason)
        case .closed:
            break
        }
    }

    /// The client has left polling, and has lost what it went to.
    private func failWaiting(_ reason: CloseReason) {
        state = .closed
        link.session.value = nil
        loop.polling[link.sid.connection]?.fail(reason)
    }

    /// The WebSocket found a reason to end the connection.
    func socketCloses(_ reason: CloseReason) {
        if case .open(let connection) = state {
            connection.close(reason)
        } else {
            ended(reason)
        }
    }

    /// The WebSocket wrote, or may be written to again, or not.
    func writabilityChanged() {
        guard case .open(let connection) = state else { return }
        var isFull = !isWritable
        if isFull {
            link.wantsNotice.store(true, ordering: .sequentiallyConsistent)
            // The last of it may have been written just before the notice was asked for.
            isFull = !isWritable
        }
        guard isFull != self.isFull else { return }
        self.isFull = isFull
        connection.writabilityChanged(now: loop.eventLoop.now)
    }

    // MARK: EngineTransport

    var isWritable: Bool {
        if case .closed = state { return false }
        return link.isSocketWritable.load(ordering: .sequentiallyConsistent)
            && itemBytes + link.handedBytes.load(ordering: .sequentiallyConsistent)
                < loop.configuration.maximumQueuedBytes
    }

    var queuedBytes: Int {
        itemBytes + link.handedBytes.load(ordering: .relaxed) + link.waitingBytes.load(ordering: .relaxed)
    }

    var takenBytes: Int {
        // Whoever asks does so again in a second, and gets what is true now.
        link.onSocket { $0.look() }
        return link.takenBytes.load(ordering: .relaxed)
    }

    func send(text: ByteBuffer) { enqueue(.text(text)) }

    func send(binary: ByteBuffer) { enqueue(.binary(binary)) }

    func send(encoded message: EncodedMessage) { enqueue(.encoded(message)) }

    private func enqueue(_ item: Item) {
        if case .closed = state { return }
        items.append(item)
        itemBytes += item.byteCount
        if !isFull, !isWritable { writabilityChanged() }
    }

    func flush() {
        guard !items.isEmpty else { return }
        let (items, byteCount) = (items, itemBytes)
        self.items = []
        itemBytes = 0
        link.handedBytes.add(byteCount, ordering: .relaxed)
        link.onSocket { $0.send(items, byteCount: byteCount) }
    }

    func close(_ reason: CloseReason) {
        if case .closed = state { return }
        flush()
        state = .closed
        link.session.value = nil
        link.closeWebSocket(reason)
    }
}

extension EnginePacket {
    /// Bytes of the payload, and a little for the packet itself: very many empty ones are not nothing.
    var byteCount: Int {
        switch self {
        case .text(_, let payload), .binary(let payload): payload.readableBytes + 16
        }
    }
}
