import CoreMetrics
import DequeModule
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOTLS

/// One request on its way to the node that its session lives on. Confined to its event loop.
final class Relay: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTPClientRequestPart

    private enum State {
        case connecting(Deque<HTTPClientRequestPart>)
        case open(any Channel)
        /// The owner's side is a WebSocket's; its bytes wait for the tunnel.
        case switching(any Channel)
        case closed
    }

    private let loop: EngineLoop
    private weak var client: (any RelayClient)?
    private var state: State
    private var timer: Scheduled<Void>?
    private var connectTimer: Scheduled<Void>?
    /// The name that the owner's certificate has to be for, by TLS.
    private var expectedName: String?
    private let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
    private let encoder = HTTPRequestEncoder()
    private var switchingHead: HTTPResponseHead?
    private var rawBytes: [NIOAny] = []
    private var context: ChannelHandlerContext?
    /// Called when there is no TLS with the owner, with what was wrong.
    private let onRefusedTLS: (String) -> Void

    init(loop: EngineLoop, client: any RelayClient, head: HTTPRequestHead, onRefusedTLS: @escaping (String) -> Void) {
        self.loop = loop
        self.onRefusedTLS = onRefusedTLS
        self.client = client
        state = .connecting([.head(head)])
        loop.counters.relays.add(1)
    }

    /// Connects, and sends what has come until then; by TLS only after the owner's certificate was verified.
    func start(_ address: EnginePeerAddress) {
        let configuration = loop.configuration
        let bound = NIOLoopBound(self, eventLoop: loop.eventLoop)
        // A poll is answered by the next ping at the latest.
        let patience = configuration.pingInterval + configuration.pingTimeout
        timer = loop.eventLoop.scheduleTask(in: .nanoseconds(patience.wholeMilliseconds * 1_000_000)) {
            bound.value.fail()
        }
        let connectTime = TimeAmount.nanoseconds(configuration.relayConnectTimeout.wholeMilliseconds * 1_000_000)
        if address.isTLS {
            connectTimer = loop.eventLoop.scheduleTask(in: connectTime) {
                bound.value.unreached(because: RelayTLSTimeout())
            }
        }
        ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(connectTime)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let relay = bound.value
                    if address.isTLS {
                        let client = try EngineTLS.client(of: address.host, by: configuration.tls)
                        relay.expectedName = client.name
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: client.context, serverHostname: client.name))
                    }
                    try channel.pipeline.syncOperations.addHandlers([relay.encoder, relay.decoder, relay])
                }
            }
            .connect(host: address.host, port: address.port)
            .hop(to: loop.eventLoop)
            .whenComplete { result in
                // By TLS it is only the way there that is open yet.
                if case .success(let channel) = result, address.isTLS { return bound.value.shakesHands(channel) }
                bound.value.connected(result)
            }
    }

    private func shakesHands(_ channel: any Channel) {
        guard case .connecting = state else { return channel.close(promise: nil) }
        // The handshake may have failed before this.
        if !channel.isActive { connected(.failure(ChannelError.eof)) }
    }

    private func shookHands(_ context: ChannelHandlerContext) {
        do {
            let tls = try context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            if let expectedName, tls.peerCertificate?.isFor(expectedName) != true {
                throw NIOSSLExtraError.failedToValidateHostname
            }
            connected(.success(context.channel))
        } catch {
            unreached(because: error)
        }
    }

    /// There is no TLS with the owner.
    private func unreached(because error: any Error) {
        guard case .connecting = state else { return }
        onRefusedTLS("\(error)")
        let channel = context?.channel
        connected(.failure(error))
        channel?.close(promise: nil)
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        connectTimer?.cancel()
        connectTimer = nil
        switch (state, result) {
        case (.connecting(let parts), .success(let channel)):
            state = .open(channel)
            for part in parts { channel.write(part, promise: nil) }
            channel.flush()
            client?.relayWantsMore(self)
        case (.connecting, .failure):
            end()
            loop.counters.relayFailures.increment()
            client?.unreachable(self)
        case (_, .success(let channel)):
            channel.close(promise: nil)
        case (_, .failure):
            break
        }
    }

    // MARK: The client's side

    /// Whether more of the request should wait.
    var isFull: Bool {
        switch state {
        case .connecting: true
        case .open(let channel): !channel.isWritable
        case .switching, .closed: false
        }
    }

    private var channel: (any Channel)? {
        switch state {
        case .open(let channel), .switching(let channel): channel
        case .connecting, .closed: nil
        }
    }

    func send(_ part: HTTPClientRequestPart) {
        switch state {
        case .connecting(var parts):
            state = .closed  // so that the storage is not shared while it grows
            parts.append(part)
            state = .connecting(parts)
        case .open(let channel):
            channel.writeAndFlush(part, promise: nil)
        case .switching, .closed:
            break
        }
    }

    /// The client takes more of the answer, or not.
    func setReading(_ isReading: Bool) {
        guard let options = channel?.syncOptions else { return }
        do {
            try options.setOption(.autoRead, value: isReading)
        } catch {
            fail()
        }
    }

    /// The client is gone, or this node is leaving.
    func close() {
        // One that has no TLS yet is not to wait for it.
        let channel = channel ?? context?.channel
        end()
        channel?.close(promise: nil)
    }

    private func end() {
        if case .closed = state { return }
        state = .closed
        timer?.cancel()
        timer = nil
        connectTimer?.cancel()
        connectTimer = nil
        loop.counters.relays.add(-1)
    }

    /// Ends in the middle.
    private func fail() {
        guard !isOver else { return }
        close()
        loop.counters.relayFailures.increment()
        client?.broken(self)
    }

    private var isOver: Bool { if case .closed = state { true } else { false } }

    // MARK: The owner's side

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .switching = state {
            rawBytes.append(data)
            return
        }
        guard case .open(let channel) = state else { return }
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status == .switchingProtocols:
            switchingHead = head
        case .end where switchingHead != nil:
            // What the decoder says next are bytes.
            state = .switching(channel)
            timer?.cancel()
            if let head = switchingHead { client?.switched(self, head: head) }
        case .head(let head):
            client?.relayed(self, head: head)
        case .body(let bytes):
            client?.relayed(self, body: bytes)
        case .end:
            let client = client
            close()
            client?.relayedAll(self)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        client?.flushRelayed(self)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { client?.relayWantsMore(self) }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { shookHands(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .connecting = state {
            unreached(because: ChannelError.eof)
        } else {
            fail()
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .connecting = state { return unreached(because: error) }
        // How the owner's side ended is seen by `channelInactive`; that TLS's goodbye was missing says no more.
        if error as? NIOSSLError == .uncleanShutdown { return }
        // The decoder says at the end of a connection what is missing of an answer, and so does `channelInactive`.
        fail()
        context.close(promise: nil)
    }

    // MARK: The tunnel

    /// Leaves the connection to a tunnel, whose handler takes this one's place.
    ///
    /// - Parameter completion: told whether it did; the connection may have ended before.
    func become(_ tunnel: TunnelHandler, _ completion: @escaping (Bool) -> Void) {
        guard let context else { return completion(false) }
        setReading(true)
        let pipeline = context.pipeline.syncOperations
        pipeline.removeHandler(decoder).assumeIsolated()
            .flatMap { pipeline.removeHandler(self.encoder) }
            .flatMapThrowing {
                try pipeline.addHandler(tunnel, position: .after(self))
                for data in self.rawBytes { context.fireChannelRead(data) }
                if !self.rawBytes.isEmpty { context.fireChannelReadComplete() }
                self.rawBytes = []
                pipeline.removeHandler(context: context, promise: nil)
            }
            .whenComplete { result in
                if case .success = result { completion(true) } else { completion(false) }
            }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(data, promise: promise)
    }

    /// The tunnel is over.
    func tunnelEnded() {
        end()
    }
}

/// A node accepted the connection and did not finish the handshake in time.
private struct RelayTLSTimeout: Error, CustomStringConvertible {
    var description: String { "no TLS handshake in time" }
}
