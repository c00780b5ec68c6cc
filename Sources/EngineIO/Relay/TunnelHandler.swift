import NIOCore

/// One end of a tunnel between a client and the node of its session: what comes in here goes out there, no faster than
/// there takes it, and the end of one is the end of both. Confined to its event loop, which is that of both ends.
final class TunnelHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long what has been written may take to leave once the other end is gone.
    private static let closeTimeout = TimeAmount.seconds(1)

    private weak var partner: TunnelHandler?
    private var context: ChannelHandlerContext?
    /// What came for this end before it was in its place.
    private var early: [ByteBuffer] = []
    private var isReadWanted = false
    private var isClosing = false
    private var onEnd: (() -> Void)?

    /// Two ends that know each other.
    ///
    /// - Parameter onEnd: called once, when either is gone.
    static func pair(onEnd: @escaping () -> Void) -> (client: TunnelHandler, owner: TunnelHandler) {
        let (client, owner) = (TunnelHandler(), TunnelHandler())
        client.partner = owner
        owner.partner = client
        client.onEnd = onEnd
        return (client, owner)
    }

    private init() {}

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        for bytes in early { context.write(wrapOutboundOut(bytes), promise: nil) }
        if !early.isEmpty { context.flush() }
        early = []
        if !context.channel.isActive { ended() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.pass(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
    }

    func read(context: ChannelHandlerContext) {
        if isClosing || partner?.context?.channel.isWritable == true {
            context.read()
        } else {
            isReadWanted = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.readOn() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        // Half a connection carries no WebSocket; a node that leaves carries none for others.
        case ChannelEvent.inputClosed, is ChannelShouldQuiesceEvent:
            end()
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Both ends are in place.
    func begin() {
        readOn()
        partner?.readOn()
    }

    /// Ends both sides.
    func end() {
        ended()
        close()
    }

    private func pass(_ bytes: ByteBuffer) {
        guard !isClosing else { return }
        if let context {
            context.write(wrapOutboundOut(bytes), promise: nil)
        } else {
            early.append(bytes)
        }
    }

    private func readOn() {
        guard isReadWanted else { return }
        isReadWanted = false
        context?.read()
    }

    private func ended() {
        let partner = partner
        self.partner = nil
        partner?.partner = nil
        partner?.close()
        for onEnd in [onEnd, partner?.onEnd] { onEnd?() }
        onEnd = nil
        partner?.onEnd = nil
    }

    /// Ends this side once what was written has left, or after a moment.
    private func close() {
        guard !isClosing, let context else { return }
        isClosing = true
        let channel = context.channel
        let timer = context.eventLoop.scheduleTask(in: Self.closeTimeout) { channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
            timer.cancel()
            channel.close(promise: nil)
        }
    }
}
