import NIOCore
import NIOHTTP1

/// Long-polling as the client does it: one GET that waits for packets, and one POST at a time that brings ours. Confined
/// to its event loop.
final class PollingTransport {
    /// What may wait for a server that does not answer.
    private static let maximumOutgoingBytes = WebSocketClientHandler.maximumOutgoingBytes

    private weak var engine: EngineClient?
    private let endpoint: Endpoint
    private let cookies: CookieJar
    private let eventLoop: any EventLoop
    private let timeout: TimeAmount
    private let maximumMessageBytes: Int
    private let poller: HTTPRequester
    private let poster: HTTPRequester
    /// Nil until there is a connection, and of the open packet then.
    private var handshake: EngineHandshake?
    private var outgoing = CircularBuffer<PollingPayload.Packet>()
    private var outgoingBytes = 0
    private var isFlushScheduled = false
    private var isPaused = false
    private var isOver = false
    /// What is done when there is neither a GET nor a POST under way.
    private var onPaused: (() -> Void)?
    /// What is done when all packets are with the server.
    private var onDrained: (() -> Void)?

    init(engine: EngineClient, endpoint: Endpoint) {
        self.engine = engine
        self.endpoint = endpoint
        self.cookies = engine.cookies
        self.eventLoop = engine.eventLoop
        self.timeout = TimeAmount(engine.configuration.connectTimeout)
        self.maximumMessageBytes = engine.configuration.maximumMessageBytes
        self.poller = HTTPRequester(endpoint, connectTimeout: self.timeout, on: engine.eventLoop)
        self.poster = HTTPRequester(endpoint, connectTimeout: self.timeout, on: engine.eventLoop)
    }

    /// Asks for a connection, whose open packet the engine gets as any packet.
    func open() {
        self.poll()
    }

    /// The open packet came: what is sent from now on goes to this connection.
    func opened(_ handshake: EngineHandshake) {
        self.handshake = handshake
    }

    /// Sends at the end of the loop's turn, together with what else is sent then.
    func send(_ packet: PollingPayload.Packet) {
        guard !self.isOver else { return }
        self.outgoing.append(packet)
        self.outgoingBytes += Self.bytes(packet)
        guard self.outgoingBytes <= Self.maximumOutgoingBytes else {
            self.engine?.end(.overflow("what waits for the server is over \(Self.maximumOutgoingBytes) bytes"))
            return
        }
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        self.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.post()
        }
    }

    /// Begins no further request, and says when none is under way. What is sent then waits.
    func pause(_ done: @escaping () -> Void) {
        self.isPaused = true
        self.onPaused = done
        self.checkPaused()
    }

    func resume() {
        guard self.isPaused else { return }
        self.isPaused = false
        self.onPaused = nil
        self.poll()
        self.post()
    }

    /// Says when all packets are with the server.
    func drain(_ done: @escaping () -> Void) {
        self.onDrained = done
        self.post()
    }

    /// What waits to be sent, for another transport.
    func takeOutgoing() -> CircularBuffer<PollingPayload.Packet> {
        defer { self.outgoing = CircularBuffer() }
        return self.outgoing
    }

    /// Closes TCP.
    func abort() {
        self.isOver = true
        self.onPaused = nil
        self.onDrained = nil
        self.poller.abort()
        self.poster.abort()
    }

    // MARK: In

    private func poll() {
        guard !self.isOver, !self.isPaused, !self.poller.isBusy else { return }
        let request = HTTPRequester.Request(
            method: .GET, uri: self.endpoint.uri(.polling, sid: self.handshake?.sid),
            headers: self.endpoint.headers(own: [("Accept", "*/*")], cookie: self.cookies.header),
            timeout: self.handshake == nil ? self.timeout : nil, maximumBodyBytes: self.maximumMessageBytes * 2)
        self.poller.perform(request) { [weak self] in self?.polled($0) }
    }

    private func polled(_ result: Result<HTTPRequester.Response, SocketIOClientError>) {
        guard !self.isOver, let response = self.accepted(result) else { return }
        if self.handshake == nil { self.engine?.handshakeAnswered(response.headers) }
        let packets: [PollingPayload.Packet]
        do throws(PollingPayload.Malformed) {
            packets = try PollingPayload.read(response.body)
        } catch {
            self.engine?.violated(error.message)
            return
        }
        for packet in packets {
            switch packet {
            case .text(let text): self.engine?.packetReceived(text)
            case .binary(let bytes): self.engine?.binaryReceived(bytes)
            }
            guard !self.isOver else { return }
        }
        guard self.handshake != nil else {
            self.engine?.violated("an answer to the handshake without an open packet")
            return
        }
        self.checkPaused()
        self.poll()
    }

    // MARK: Out

    private func post() {
        guard !self.isOver, !self.isPaused, !self.poster.isBusy, let handshake = self.handshake else { return }
        guard !self.outgoing.isEmpty else {
            let onDrained = self.onDrained.take()
            onDrained?()
            return
        }
        let count = self.outgoing.count
        let before = self.outgoing
        let body = PollingPayload.write(&self.outgoing, maximumBytes: handshake.maximumPayloadBytes)
        for packet in before.prefix(count - self.outgoing.count) { self.outgoingBytes -= Self.bytes(packet) }
        let own = [("Content-Type", "text/plain;charset=UTF-8"), ("Content-Length", String(body.readableBytes))]
        let request = HTTPRequester.Request(
            method: .POST, uri: self.endpoint.uri(.polling, sid: handshake.sid),
            headers: self.endpoint.headers(own: own, cookie: self.cookies.header), body: body, timeout: self.timeout,
            maximumBodyBytes: SocketIOUpgradeHandler.maximumBodyBytes)
        self.poster.perform(request) { [weak self] result in
            guard let self, !self.isOver, self.accepted(result) != nil else { return }
            self.checkPaused()
            self.post()
        }
    }

    /// An answer of 200; anything else ends the connection.
    private func accepted(
        _ result: Result<HTTPRequester.Response, SocketIOClientError>
    ) -> HTTPRequester.Response? {
        switch result {
        case .failure(let error):
            self.engine?.fail(error)
            return nil
        case .success(let response):
            self.cookies.store(response.headers)
            guard response.status != 200 else { return response }
            let body = String(decoding: response.body.readableBytesView.prefix(64 << 10), as: UTF8.self)
            let refusal = SocketIOClientError.Refusal(status: response.status, headers: response.headers, body: body)
            self.engine?.fail(
                .init(.refused, "the server answered with \(response.status): \(body)", refusal: refusal))
            return nil
        }
    }

    private func checkPaused() {
        guard self.isPaused, !self.poller.isBusy, !self.poster.isBusy else { return }
        let onPaused = self.onPaused.take()
        onPaused?()
    }

    private static func bytes(_ packet: PollingPayload.Packet) -> Int {
        switch packet {
        case .text(let bytes), .binary(let bytes): bytes.readableBytes
        }
    }
}
