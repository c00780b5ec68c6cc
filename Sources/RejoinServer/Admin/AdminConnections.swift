import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes

/// Accepts few at a time: who reaches the admin listener must not take the file descriptors that players need.
struct AdminConnectionBudget: AvailableConnectionsDelegate {
    /// Connections at a time; those beyond wait in the system's queue. They are among the 128 descriptors that
    /// `REJOIN_MAX_CONNECTIONS` spares.
    static let maximum = 32

    private var accepted = 0

    mutating func connectionOpened() {
        accepted += 1
    }

    mutating func connectionClosed() {
        accepted -= 1
    }

    // With nobody accepted nobody's end would be waited for.
    func isAcceptingNewConnections() -> Bool {
        accepted == 0 || (accepted < Self.maximum && DescriptorReserve.isWhole)
    }
}

/// Closes a connection on which no answer was taken for a while: who says nothing, asks a byte a second or does not read
/// keeps nobody else from a place. Confined to its event loop.
final class AdminConnectionTimer: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// More than any request takes.
    static let patience = TimeAmount.seconds(15)

    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        start(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        let taken = promise ?? context.eventLoop.makePromise(of: Void.self)
        taken.futureResult.assumeIsolated().whenSuccess {
            if context.channel.isActive { self.start(context) }
        }
        context.write(data, promise: taken)
    }

    private func start(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }
}
