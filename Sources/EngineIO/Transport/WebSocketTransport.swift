import CoreMetrics
import NIOCore

/// Engine.IO over a WebSocket (RFC 6455): the last handler of an upgraded channel. Confined to its event loop.
///
/// It reads raw bytes and writes raw frames, so that a frame encoded once for a thousand sockets passes untouched.
final class WebSocketTransport: ChannelInboundHandler, EngineTransport {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Pings of the peer answered without it reading the answers, before it is taken for a flood.
    private static let maximumUnreadPongs = 64

    /// The closing handshake takes so long at most.
    private static let closeTimeout = TimeAmount.seconds(1)

    private let loop: EngineLoop
    private let descriptor: CInt
    private var applicationContext: (any Sendable)?
    private var parser: WebSocketParser
    /// Nil: messages to this peer are not compressed.
    private let deflate: (shared: WebSocketDeflate, windowBits: Int)?
    private var received: ByteBuffer?
    private var channelContext: ChannelHandlerContext?
    private var outgoing: OutgoingFrames?
    /// The connection, or what stands for it while the WebSocket is to replace a session's polling.
    private var connection: (any EngineTransportDelegate)?
    private var closing = false {
        didSet { if closing { leaveShortWay() } }
    }
    private(set) var shortWay = ShortWays.Place.none
    /// What the channel says, kept here because every delivery asks.
    private var isChannelWritable = false
    private var unreadPongs = 0
    private var writtenBytes = 0
    private var closeTimer: Scheduled<Void>?
    /// What is said before the first frame, as it is; to be set before the channel has this handler.
    var greeting: ByteBuffer?

    /// - Parameters:
    ///   - deflate: what was agreed on in the handshake.
    ///   - descriptor: the channel's, where nothing changes the bytes on their way to the socket; else negative.
    init(loop: EngineLoop, context: any Sendable, deflate: DeflateAgreement? = nil, descriptor: CInt = -1) {
        self.loop = loop
        self.descriptor = descriptor
        self.applicationContext = context
        self.deflate = deflate.flatMap { agreed in loop.deflate.map { ($0, agreed.windowBits) } }
        self.parser = WebSocketParser(
            role: .server, maximumMessageBytes: loop.configuration.maximumPayloadBytes,
            inflater: self.deflate?.shared.inflater)
    }

    /// A WebSocket that is to replace a session's polling.
    convenience init(
        loop: EngineLoop, upgrading socket: LinkedWebSocket, deflate: DeflateAgreement?, descriptor: CInt = -1
    ) {
        self.init(loop: loop, context: (), deflate: deflate, descriptor: descriptor)
        applicationContext = nil
        connection = socket
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        channelContext = context
        outgoing = OutgoingFrames(context.channel, descriptor: descriptor)
        isChannelWritable = context.channel.isWritable
        if let greeting = greeting.take() {
            write(greeting)
            // Else it leaves with the open packet.
            if applicationContext == nil { flush() }
        }
        guard context.channel.isActive, let applicationContext else { return }
        self.applicationContext = nil
        if deflate == nil, outgoing?.isDirect == true { shortWay = loop.shortWays.add(self) }
        let connection = loop.open(
            transport: self, peer: context.channel.remoteAddress, upgrades: [], context: applicationContext)
        if !closing {
            self.connection = connection
            if connection == nil {
                closeFrame(WebSocketCloseCode.goingAway, "")
            }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        closeTimer?.cancel()
        closeTimer = nil
        channelContext = nil
        outgoing = nil
        isChannelWritable = false
        leaveShortWay()
        // A channel that was gone before this was its last handler has not told it.
        ended(.transportClose)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !closing else { return }
        var bytes = unwrapInboundIn(data)
        var isOwn = false
        if var waiting = received {
            received = nil
            waiting.writeBuffer(&bytes)
            bytes = waiting
            isOwn = true
        }
        do {
            while !closing, let event = try parser.next(&bytes) {
                isOwn = false
                handle(event)
            }
        } catch {
            loop.counters.violations.increment()
            end(.transportError, code: error.closeCode, error.message)
            return
        }
        if !closing, bytes.readableBytes > 0 {
            // A copy of what is left: a slice would keep all of the receive buffer.
            received = isOwn ? bytes : ByteBuffer(bytes: bytes.readableBytesView)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing = true
        ended(.transportClose)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closing = true
        ended(.transportError)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            connection?.close(.serverShuttingDown)
        case ChannelEvent.inputClosed where !closing:
            // Half a TCP connection carries no WebSocket.
            closing = true
            ended(.transportClose)
            context.close(promise: nil)
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isChannelWritable = context.channel.isWritable
        if isChannelWritable {
            unreadPongs = 0
        }
        connection?.writabilityChanged(now: context.eventLoop.now)
        context.fireChannelWritabilityChanged()
    }

    private func handle(_ event: WebSocketParser.Event) {
        switch event {
        case .text(let payload):
            loop.counters.messagesReceived.increment()
            guard let packet = EnginePacket(text: payload) else {
                loop.counters.violations.increment()
                connection?.close(.parseError)
                return
            }
            connection?.received(packet)
        case .binary(let payload):
            loop.counters.messagesReceived.increment()
            connection?.received(.binary(payload))
        case .ping(let payload):
            pong(payload)
        case .pong:
            break
        case .close(let code, _):
            // RFC 6455 5.5.1: a close is answered once, with the code that came.
            end(.transportClose, code: code ?? WebSocketCloseCode.normal)
        }
    }

    /// Closes the WebSocket, and tells the connection why, whatever the channel makes of it meanwhile.
    private func end(_ reason: CloseReason, code: UInt16, _ message: String = "") {
        let connection = connection
        self.connection = nil
        closeFrame(code, message)
        connection?.transportEnded(reason)
    }

    private func ended(_ reason: CloseReason) {
        let connection = connection
        self.connection = nil
        connection?.transportEnded(reason)
    }

    private func pong(_ payload: ByteBuffer) {
        guard let channelContext else { return }
        unreadPongs = isChannelWritable ? 0 : unreadPongs + 1
        guard unreadPongs <= Self.maximumUnreadPongs else {
            loop.counters.violations.increment()
            end(.transportError, code: WebSocketCloseCode.policyViolation, "too many pings")
            return
        }
        var frame = channelContext.channel.allocator.buffer(capacity: payload.readableBytes + 2)
        WebSocketFrame.writePong(payload, into: &frame)
        write(frame)
        connection?.wantsFlush()
    }

    // MARK: EngineTransport

    var isWritable: Bool { !closing && isChannelWritable }

    func send(text: ByteBuffer) {
        guard !closing, let channelContext else { return }
        var frame = channelContext.channel.allocator.buffer(capacity: text.readableBytes + 10)
        if let deflate {
            deflate.shared.write(.text, text, windowBits: deflate.windowBits, into: &frame)
        } else {
            WebSocketFrame.writeText(text, into: &frame)
        }
        write(frame)
    }

    func send(binary: ByteBuffer) {
        guard !closing, let channelContext else { return }
        var frame = channelContext.channel.allocator.buffer(capacity: binary.readableBytes + 10)
        if let deflate {
            deflate.shared.write(.binary, binary, windowBits: deflate.windowBits, into: &frame)
        } else {
            WebSocketFrame.writeBinary(binary, into: &frame)
        }
        write(frame)
    }

    func send(encoded message: EncodedMessage) {
        guard !closing else { return }
        if let deflate {
            write(message.frame(compressedBy: deflate.shared, windowBits: deflate.windowBits))
        } else {
            write(message.frame)
        }
    }

    var queuedBytes: Int { outgoing.map { $0.byteCount + $0.channelBytes } ?? 0 }

    /// Whether the channel reads by itself, while the session is on another event loop and may be behind.
    func setReading(_ isReading: Bool) {
        guard let channel = channelContext?.channel, let options = channel.syncOptions else { return }
        do {
            try options.setOption(.autoRead, value: isReading)
        } catch {
            channel.pipeline.fireErrorCaught(error)
        }
    }

    var takenBytes: Int { writtenBytes - queuedBytes }

    private func write(_ frame: ByteBuffer) {
        guard let channelContext else { return }
        writtenBytes += frame.readableBytes
        loop.shortWays.set(shortWay, descriptor: nil)
        outgoing?.append(frame)
        if outgoing?.isFull == true { handOver(channelContext) }
    }

    func flush() {
        guard let channelContext else { return }
        outgoing?.sendNow()
        handOver(channelContext)
        if outgoing?.isChannelUsed == true { channelContext.flush() }
        if !closing, isChannelWritable, let descriptor = outgoing?.clearDescriptor {
            loop.shortWays.set(shortWay, descriptor: descriptor)
        }
    }

    // MARK: The short way

    /// Queues what the kernel did not take of a frame.
    func send(restOf frame: ByteBuffer, from offset: Int) {
        guard !closing else { return }
        var rest = frame
        rest.moveReaderIndex(forwardBy: offset)
        write(rest)
        connection?.wantsFlush()
    }

    private func leaveShortWay() {
        loop.shortWays.remove(shortWay)
        shortWay = .none
    }

    /// Leaves to the channel what is not sent yet. It may call back at each write.
    private func handOver(_ context: ChannelHandlerContext) {
        while let frame = outgoing?.popForChannel() {
            context.write(wrapOutboundOut(frame), promise: nil)
        }
    }

    func close(_ reason: CloseReason) {
        connection = nil
        closeFrame(reason.webSocketCode, "")
    }

    /// Sends a close frame, and ends TCP when the peer has closed its side, or after a second.
    private func closeFrame(_ code: UInt16, _ reason: String) {
        guard !closing, let channelContext else { return }
        closing = true
        received = nil
        var frame = channelContext.channel.allocator.buffer(capacity: 2 + 2 + reason.utf8.count)
        WebSocketFrame.writeClose(code: code, reason: reason, into: &frame)
        handOver(channelContext)
        channelContext.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        channelContext.close(mode: .output, promise: nil)
        let channel = channelContext.channel
        closeTimer = channelContext.eventLoop.scheduleTask(in: Self.closeTimeout) { channel.close(promise: nil) }
    }
}

extension CloseReason {
    /// What a WebSocket's close frame says when the connection above it ends for this reason (RFC 6455, 7.4.1).
    fileprivate var webSocketCode: UInt16 {
        switch self {
        case .serverShuttingDown: WebSocketCloseCode.goingAway
        case .parseError: WebSocketCloseCode.protocolError
        case .transportClose, .transportError, .pingTimeout, .forcedClose: WebSocketCloseCode.normal
        }
    }
}
