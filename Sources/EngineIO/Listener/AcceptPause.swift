package import NIOCore

/// Asks before connections are accepted, and looks again a moment later when they must wait: what makes room may be a
/// connection of another event loop, or no connection at all. Confined to its event loop.
package final class AcceptPause: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(20)

    private let mayAccept: @Sendable () -> Bool
    private var isPaused = false

    package init(_ mayAccept: @escaping @Sendable () -> Bool) {
        self.mayAccept = mayAccept
    }

    package func read(context: ChannelHandlerContext) {
        if mayAccept() {
            context.read()
        } else if !isPaused {
            isPaused = true
            let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: Self.pause) {
                let (handler, context) = bound.value
                handler.isPaused = false
                if context.channel.isActive { handler.read(context: context) }
            }
        }
    }
}
