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

    private let loop: EngineLoop
    private let handshake: EngineHandshake
    private var applicationContext: (any Sendable)?
    private var parser: WebSocketParser
    private var received: ByteBuffer?
    private var channelContext: ChannelHandlerContext?
    private var connection: EngineConnection?
    private var closing = false
    private var unreadPongs = 0

    init(loop: EngineLoop, handshake: EngineHandshake, context: any Sendable) {
        self.loop = loop
        self.handshake = handshake
        self.applicationContext = context
        self.parser = WebSocketParser(role: .server, maximumMessageBytes: loop.configuration.maximumPayloadBytes)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        channelContext = context
        guard context.channel.isActive, let applicationContext else { return }
        self.applicationContext = nil
        connection = loop.open(transport: self, peer: handshake.peer, upgrades: [], context: applicationContext)
        if connection == nil {
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        channelContext = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !closing else { return }
        var bytes = unwrapInboundIn(data)
        if var waiting = received {
            received = nil
            waiting.writeBuffer(&bytes)
            bytes = waiting
        }
        do {
            while !closing, let event = try parser.next(&bytes) {
                handle(event)
            }
        } catch {
            loop.counters.violations.increment()
            closeFrame(error.closeCode, error.message)
            connection?.transportEnded(.transportError)
            return
        }
        if !closing, bytes.readableBytes > 0 {
            // A copy of what is left: a slice would keep all of the receive buffer.
            received = ByteBuffer(bytes: bytes.readableBytesView)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing = true
        connection?.transportEnded(.transportClose)
        connection = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closing = true
        connection?.transportEnded(.transportError)
        connection = nil
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent {
            connection?.close(.serverShuttingDown)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unreadPongs = 0
        }
        connection?.writabilityChanged(now: .now())
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
            closeFrame(code ?? 1000, "")
            connection?.transportEnded(.transportClose)
            connection = nil
        }
    }

    private func pong(_ payload: ByteBuffer) {
        guard let channelContext else { return }
        unreadPongs = channelContext.channel.isWritable ? 0 : unreadPongs + 1
        guard unreadPongs <= Self.maximumUnreadPongs else {
            loop.counters.violations.increment()
            closeFrame(1008, "too many pings")
            connection?.transportEnded(.transportError)
            return
        }
        var frame = channelContext.channel.allocator.buffer(capacity: payload.readableBytes + 2)
        WebSocketFrame.writePong(payload, into: &frame)
        channelContext.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: EngineTransport

    var isWritable: Bool { !closing && channelContext?.channel.isWritable ?? false }

    func send(text: ByteBuffer) {
        guard !closing, let channelContext else { return }
        var frame = channelContext.channel.allocator.buffer(capacity: text.readableBytes + 10)
        WebSocketFrame.writeText(text, into: &frame)
        channelContext.write(wrapOutboundOut(frame), promise: nil)
    }

    func send(binary: ByteBuffer) {
        guard !closing, let channelContext else { return }
        var frame = channelContext.channel.allocator.buffer(capacity: binary.readableBytes + 10)
        WebSocketFrame.writeBinary(binary, into: &frame)
        channelContext.write(wrapOutboundOut(frame), promise: nil)
    }

    func send(encoded message: EncodedMessage) {
        guard !closing, let channelContext else { return }
        channelContext.write(wrapOutboundOut(message.frame), promise: nil)
    }

    func flush() {
        channelContext?.flush()
    }

    func close(_ reason: CloseReason) {
        connection = nil
        closeFrame(1000, "")
    }

    /// Sends a close frame, and ends TCP when the peer has closed its side, or after a second.
    private func closeFrame(_ code: UInt16, _ reason: String) {
        guard !closing, let channelContext else { return }
        closing = true
        received = nil
        var frame = channelContext.channel.allocator.buffer(capacity: 2 + 2 + reason.utf8.count)
        WebSocketFrame.writeClose(code: code, reason: reason, into: &frame)
        channelContext.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        channelContext.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(channelContext, eventLoop: channelContext.eventLoop)
        channelContext.eventLoop.scheduleTask(in: .seconds(1)) { bound.value.close(promise: nil) }
    }
}
