import NIOCore

/// Closes a connection whose next request does not begin in time, or whose head does not end in time.
///
/// It stands before the decoder, because a head that comes a byte a second is seen nowhere else. Confined to its
/// event loop.
final class RequestTimer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private enum State {
        case idle
        case readingHead
        case inRequest
        case lingering
    }

    /// How long a peer may take to read a refusal and to close its side.
    private static let lingerTime = TimeAmount.seconds(1)

    private let headTimeout: TimeAmount
    private let payloadTimeout: TimeAmount
    private let idleTimeout: TimeAmount
    private var state = State.inRequest
    private var timer: Scheduled<Void>?

    init(_ configuration: EngineConfiguration) {
        headTimeout = .nanoseconds(configuration.headTimeout.wholeMilliseconds * 1_000_000)
        payloadTimeout = .nanoseconds(configuration.payloadTimeout.wholeMilliseconds * 1_000_000)
        idleTimeout = .nanoseconds(configuration.idleTimeout.wholeMilliseconds * 1_000_000)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            responseEnded(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelActive(context: ChannelHandlerContext) {
        responseEnded(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if state == .idle {
            state = .readingHead
            start(headTimeout, context)
        }
        guard state != .lingering else { return }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    /// A whole head arrived.
    func headReceived() {
        state = .inRequest
        timer?.cancel()
    }

    /// The body of a request is to come, for which nobody else sees to the time.
    ///
    /// - Parameter late: called when it did not come whole in time.
    func bodyExpected(_ context: ChannelHandlerContext, late: @escaping () -> Void) {
        let late = NIOLoopBound(late, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: payloadTimeout) { late.value() }
    }

    /// That body is there.
    func bodyReceived() {
        if state == .inRequest { timer?.cancel() }
    }

    /// Every request so far is answered.
    func responseEnded(_ context: ChannelHandlerContext) {
        state = .idle
        start(idleTimeout, context)
    }

    /// The last answer is written, and nothing is read any more. A slow peer may take as long over it as over any other.
    ///
    /// - Parameter sent: when the network has taken all of it.
    func linger(_ context: ChannelHandlerContext, after sent: EventLoopFuture<Void>) {
        state = .lingering
        start(idleTimeout, context)
        sent.assumeIsolated().whenComplete { _ in
            if context.channel.isActive { self.start(Self.lingerTime, context) }
        }
    }

    private func start(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
