import EngineIO
import NIOCore

/// Sends every message back as it came, and answers what the standard wants answered: nothing but the codec, for
/// clients that test it. Confined to its event loop.
final class EchoSocket: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let closeTimeout = TimeAmount.seconds(1)

    private let deflate: (shared: WebSocketDeflate, windowBits: Int)?
    private var parser: WebSocketParser
    private var received = ByteBuffer()
    private var isClosing = false

    /// - Parameter deflate: what was agreed on, and what the event loop does it with.
    init(deflate: (shared: WebSocketDeflate, windowBits: Int)?) {
        self.deflate = deflate
        self.parser = WebSocketParser(
            role: .server, maximumMessageBytes: 16 << 20, maximumFragments: 1 << 20, inflater: deflate?.shared.inflater)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isClosing else { return }
        var bytes = self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
        do throws(WebSocketViolation) {
            while !self.isClosing, let event = try self.parser.next(&self.received) {
                self.answer(context, event)
            }
        } catch {
            self.close(context, error.closeCode, error.message)
        }
        self.received = self.received.readableBytes == 0 ? ByteBuffer() : self.received.slice()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext, _ event: WebSocketParser.Event) {
        var frame = context.channel.allocator.buffer(capacity: 256)
        switch event {
        case .text(let text): self.write(.text, text, into: &frame)
        case .binary(let bytes): self.write(.binary, bytes, into: &frame)
        case .ping(let payload): WebSocketFrame.writePong(payload, into: &frame)
        case .pong: return
        case .close(let code, _): return self.close(context, code ?? WebSocketCloseCode.normal, "")
        }
        context.write(self.wrapOutboundOut(frame), promise: nil)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, into frame: inout ByteBuffer) {
        if let deflate = self.deflate {
            deflate.shared.write(opcode, payload, windowBits: deflate.windowBits, into: &frame)
        } else if opcode == .text {
            WebSocketFrame.writeText(payload, into: &frame)
        } else {
            WebSocketFrame.writeBinary(payload, into: &frame)
        }
    }

    private func close(_ context: ChannelHandlerContext, _ code: UInt16, _ reason: String) {
        self.isClosing = true
        var frame = ByteBuffer()
        WebSocketFrame.writeClose(code: code, reason: reason, into: &frame)
        context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.closeTimeout) { channel.close(promise: nil) }
    }
}
