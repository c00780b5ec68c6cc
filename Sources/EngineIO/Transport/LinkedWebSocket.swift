import CoreMetrics
import NIOCore
import Synchronization

/// What stands for a session's connection on the event loop of the WebSocket that is to replace its polling: takes the
/// probe and the upgrade packet, then passes everything on. Confined to the WebSocket's event loop.
final class LinkedWebSocket: EngineTransportDelegate {
    private let link: WebSocketLink
    private let loop: EngineLoop
    private let isWanted: Bool
    private var probe = UpgradeProbe()
    private var transport: WebSocketTransport?
    private var needsFlush = false
    /// The session is done with it, perhaps before the WebSocket was open.
    private var isClosed = false

    /// - Parameters:
    ///   - loop: the WebSocket's.
    ///   - isWanted: false when another is upgrading, or has upgraded, the same session.
    init(link: WebSocketLink, loop: EngineLoop, isWanted: Bool) {
        self.link = link
        self.loop = loop
        self.isWanted = isWanted
        link.socket.value = self
    }

    /// The WebSocket is open.
    func opened(_ transport: WebSocketTransport) {
        guard !isClosed else { return transport.close(.forcedClose) }
        self.transport = transport
        if !isWanted { closeWebSocket(.forcedClose) }
    }

    /// The WebSocket never opened.
    func failed() {
        ended(.transportClose)
    }

    // MARK: From the WebSocket

    func received(_ packet: EnginePacket) {
        switch probe.received(packet) {
        case .answerProbe:
            transport?.send(text: Self.probeAnswer)
            wantsFlush()
            let link = link
            link.shard.perform { $0.probed(link.sid, link) }
        case .upgrade:
            let link = link
            link.shard.perform { $0.upgraded(link.sid, link) }
        case .pass:
            pass(packet)
        case .fail:
            loop.counters.violations.increment()
            close(.parseError)
        }
    }

    private func pass(_ packet: EnginePacket) {
        let received = link.receivedBytes.add(packet.byteCount, ordering: .sequentiallyConsistent).newValue
        if received > loop.configuration.maximumQueuedBytes,
            !link.isPaused.exchange(true, ordering: .sequentiallyConsistent)
        {
            transport?.setReading(false)
        }
        link.onSession { $0.received(packet) }
    }

    func transportEnded(_ reason: CloseReason) {
        transport = nil
        ended(reason)
    }

    func close(_ reason: CloseReason) {
        if probe.isUpgraded {
            link.onSession { $0.socketCloses(reason) }
        } else {
            closeWebSocket(reason)
        }
    }

    func writabilityChanged(now: NIODeadline) {
        look()
        link.onSession { $0.writabilityChanged() }
    }

    func wantsFlush() {
        guard !needsFlush else { return }
        needsFlush = true
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        loop.eventLoop.execute {
            bound.value.needsFlush = false
            bound.value.transport?.flush()
        }
    }

    private func ended(_ reason: CloseReason) {
        link.socket.value = nil
        let link = link
        if probe.isUpgraded {
            link.onSession { $0.ended(reason) }
        } else {
            link.shard.perform { $0.upgradeFailed(link.sid, link) }
        }
    }

    // MARK: From the session

    func send(_ items: [LinkedTransport.Item], byteCount: Int) {
        link.handedBytes.subtract(byteCount, ordering: .sequentiallyConsistent)
        guard let transport else { return }
        for item in items {
            switch item {
            case .text(let packet): transport.send(text: packet)
            case .binary(let message): transport.send(binary: message)
            case .encoded(let message): transport.send(encoded: message)
            }
        }
        transport.flush()
        look()
        if link.wantsNotice.exchange(false, ordering: .sequentiallyConsistent) {
            link.onSession { $0.writabilityChanged() }
        }
    }

    /// Writes down what the network makes of the WebSocket.
    func look() {
        guard let transport else { return }
        link.isSocketWritable.store(transport.isWritable, ordering: .sequentiallyConsistent)
        link.waitingBytes.store(transport.queuedBytes, ordering: .relaxed)
        link.takenBytes.store(transport.takenBytes, ordering: .relaxed)
    }

    /// The session has caught up.
    func readOn() {
        guard link.receivedBytes.load(ordering: .sequentiallyConsistent) <= loop.configuration.maximumQueuedBytes / 2,
            link.isPaused.exchange(false, ordering: .sequentiallyConsistent)
        else { return }
        transport?.setReading(true)
    }

    func closeWebSocket(_ reason: CloseReason) {
        isClosed = true
        let transport = transport
        self.transport = nil
        transport?.close(reason)
        ended(.forcedClose)
    }

    private static let probeAnswer = ByteBuffer(string: "3probe")
}
