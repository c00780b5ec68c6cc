import EngineIO
import NIOCore

/// The client's WebSocket: frames in and out, pings, the closing handshake. Writes of one turn of the loop leave in one
/// buffer, with one flush. Confined to its event loop.
final class WebSocketClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What may wait for a server that does not read.
    static let maximumOutgoingBytes = 4 << 20

    private var owner: (any WebSocketClientOwner)?
    private var context: ChannelHandlerContext?
    private var parser: WebSocketParser
    private var received = ByteBuffer()
    private var outgoing = ByteBuffer()
    private var isFlushScheduled = false
    private var isCloseSent = false
    private var maskState = UInt64.random(in: .min ... .max)

    init(owner: any WebSocketClientOwner, maximumMessageBytes: Int) {
        self.owner = owner
        self.parser = WebSocketParser(
            role: .client, maximumMessageBytes: maximumMessageBytes, maximumFragments: 4096)
    }

    // MARK: Out

    func sendText(_ payload: ByteBuffer) {
        guard !self.isCloseSent else { return }
        let key = self.nextMaskKey()
        self.enqueue { WebSocketFrame.writeText(payload, into: &$0, maskKey: key) }
    }

    func sendBinary(_ payload: ByteBuffer) {
        guard !self.isCloseSent else { return }
        let key = self.nextMaskKey()
        self.enqueue { WebSocketFrame.writeBinary(payload, into: &$0, maskKey: key) }
    }

    /// Bytes as they are, without a frame.
    func sendBytes(_ bytes: ByteBuffer) {
        self.enqueue { $0.writeImmutableBuffer(bytes) }
    }

    func sendClose(code: UInt16?, reason: String = "") {
        guard !self.isCloseSent else { return }
        self.isCloseSent = true
        let key = self.nextMaskKey()
        self.enqueue { WebSocketFrame.writeClose(code: code, reason: reason, into: &$0, maskKey: key) }
    }

    /// Sends what waits, then closes TCP.
    func closeTransport() {
        guard let context = self.context else { return }
        self.flush(context)
        context.close(promise: nil)
    }

    private func enqueue(_ write: (inout ByteBuffer) -> Void) {
        guard let context = self.context else { return }
        write(&self.outgoing)
        guard self.outgoing.readableBytes <= Self.maximumOutgoingBytes || context.channel.isWritable else {
            self.owner?.end(.overflow("what waits for the server is over \(Self.maximumOutgoingBytes) bytes"))
            return context.close(promise: nil)
        }
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            guard let context = self.context, context.channel.isWritable else { return }
            self.flush(context)
        }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard self.outgoing.readableBytes > 0 else { return }
        let bytes = self.outgoing
        self.outgoing = ByteBuffer()
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    /// Masks protect proxies from what a script chooses; this client's payloads are its own, so a fast generator will
    /// do.
    private func nextMaskKey() -> UInt32 {
        self.maskState ^= self.maskState << 13
        self.maskState ^= self.maskState >> 7
        self.maskState ^= self.maskState << 17
        return UInt32(truncatingIfNeeded: self.maskState >> 16)
    }

    // MARK: In

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.owner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        guard self.received.readableBytes == 0 else {
            self.received.writeBuffer(&bytes)
            self.parse(&self.received, context)
            if self.received.readableBytes == 0 { self.received = ByteBuffer() }
            return
        }
        self.parse(&bytes, context)
        if bytes.readableBytes > 0 { self.received = ByteBuffer(bytes: bytes.readableBytesView) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.flush(context) }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.owner?.end(.transportClose(code: 1006, reason: ""))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.owner?.end(.transportError("\(error)"))
        context.close(promise: nil)
    }

    private func parse(_ bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        do throws(WebSocketViolation) {
            while let event = try self.parser.next(&bytes) {
                switch event {
                case .text(let payload): self.owner?.received(payload)
                case .binary(let payload): self.owner?.receivedBinary(payload)
                case .ping(let payload):
                    guard !self.isCloseSent else { break }
                    let key = self.nextMaskKey()
                    self.enqueue { WebSocketFrame.writePong(payload, into: &$0, maskKey: key) }
                case .pong: break
                case .close(let code, let reason):
                    self.owner?.end(.transportClose(code: code, reason: reason))
                    self.sendClose(code: code)
                    self.closeTransport()
                }
            }
        } catch {
            self.owner?.end(.transportError(error.message))
            self.sendClose(code: error.closeCode, reason: error.message)
            self.closeTransport()
        }
    }
}
