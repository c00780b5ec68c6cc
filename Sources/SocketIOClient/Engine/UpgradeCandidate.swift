import NIOCore

/// The WebSocket that a connection on long-polling tries to go on over: opened, probed, and adopted by the connection
/// when long-polling has come to rest (Engine.IO v4, "Upgrade"). What goes wrong before that leaves long-polling as it
/// was. Confined to its event loop.
final class UpgradeCandidate: WebSocketClientOwner {
    private enum Phase {
        case opening
        /// `2probe` was sent.
        case probing
        /// The probe was answered; the last long-polling requests are awaited.
        case switching
        /// It carries the packets.
        case adopted
        case over
    }

    let eventLoop: any EventLoop
    private weak var engine: EngineClient?
    private var phase = Phase.opening
    private var handler: WebSocketClientHandler?
    private var channel: (any Channel)?
    private var timer: Scheduled<Void>?

    /// Opens the WebSocket. Until it is adopted it has the engine's `connectTimeout`.
    init(for engine: EngineClient, _ request: WebSocketRequest) {
        self.engine = engine
        self.eventLoop = engine.eventLoop
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: request.timeout) { [weak self] in
            self?.abandon()
        }
        request.open(for: self)
    }

    /// Gives it up, unless it is adopted.
    func abandon() {
        guard self.phase != .adopted, self.phase != .over else { return }
        self.phase = .over
        self.timer?.cancel()
        self.channel?.close(promise: nil)
        self.engine?.upgradeAbandoned()
    }

    func connected(_ channel: any Channel) {
        guard self.phase != .over else { return channel.close(promise: nil) }
        self.channel = channel
    }

    func upgraded(_ handler: WebSocketClientHandler, headers: [(String, String)]) {
        guard self.phase == .opening else { return }
        self.engine?.cookies.store(headers)
        self.phase = .probing
        self.handler = handler
        // The handler can send once it stands in the pipeline, which is when this turn of the loop is over.
        self.eventLoop.assumeIsolated().execute {
            if self.phase == .probing { handler.sendText(ByteBuffer(string: "2probe")) }
        }
    }

    func received(_ payload: ByteBuffer) {
        switch self.phase {
        case .adopted: self.engine?.packetReceived(payload)
        case .probing where String(buffer: payload) == "3probe":
            self.phase = .switching
            self.engine?.polling?.pause { [weak self] in self?.adopt() }
        case .probing, .switching, .opening: self.abandon()
        case .over: break
        }
    }

    func receivedBinary(_ payload: ByteBuffer) {
        if self.phase == .adopted {
            self.engine?.binaryReceived(payload)
        } else {
            self.abandon()
        }
    }

    func fail(_ error: SocketIOClientError) {
        self.abandon()
    }

    func end(_ reason: SocketIOCloseReason) {
        if self.phase == .adopted {
            self.engine?.end(reason)
        } else {
            self.abandon()
        }
    }

    private func adopt() {
        guard self.phase == .switching, let handler = self.handler, let channel = self.channel else { return }
        self.phase = .adopted
        self.timer?.cancel()
        handler.sendText(ByteBuffer(string: "5"))
        self.engine?.adopt(handler, channel)
    }
}
