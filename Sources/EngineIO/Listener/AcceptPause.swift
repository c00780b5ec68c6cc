package import Logging
package import NIOCore

/// Asks before connections are accepted, and looks again a moment later when they must wait: what makes room may be a
/// connection of another event loop, or no connection at all. Confined to its event loop.
package final class AcceptPause: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(20)

    /// How often the operator is told.
    private static let interval = TimeAmount.seconds(10)

    private let mayAccept: @Sendable () -> Bool
    private let logger: Logger
    private var told: NIODeadline?
    private var isPaused = false
    private var isFailing = false

    package init(_ mayAccept: @escaping @Sendable () -> Bool, logger: Logger) {
        self.mayAccept = mayAccept
        self.logger = logger
    }

    package func read(context: ChannelHandlerContext) {
        if mayAccept() {
            context.read()
        } else if !isPaused {
            isPaused = true
            later(context) { handler, context in
                handler.isPaused = false
                handler.read(context: context)
            }
        }
    }

    /// A connection could not be accepted, mostly for want of a descriptor; the system tells of it again and again, so it is
    /// not listened to for a moment.
    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let now = context.eventLoop.now
        if told.map({ now - $0 >= Self.interval }) ?? true {
            told = now
            logger.warning("a connection could not be accepted", metadata: ["error": "\(error)"])
        }
        guard !isFailing, context.channel.isActive else { return }
        isFailing = true
        // Fails only on a channel that is closed, which accepts nothing anyway.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        later(context) { $0.listenAgain($1) }
    }

    private func listenAgain(_ context: ChannelHandlerContext) {
        // The option reads at once, and asks nobody.
        guard mayAccept() else { return later(context) { $0.listenAgain($1) } }
        isFailing = false
        // As above: it fails only on a channel that is closed.
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    }

    private func later(
        _ context: ChannelHandlerContext, _ body: @escaping (AcceptPause, ChannelHandlerContext) -> Void
    ) {
        let bound = NIOLoopBound((handler: self, context: context, body: body), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.pause) {
            let (handler, context, body) = bound.value
            if context.channel.isActive { body(handler, context) }
        }
    }
}
