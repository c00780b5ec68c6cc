import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Synchronization

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
        accepted == 0 || (accepted < Self.maximum && DescriptorReserve.isWhole(accepting: 16))
    }
}

/// How many connections of the admin listener are open.
final class AdminConnectionCount: Sendable {
    private let open = Atomic<Int>(0)

    func add(_ change: Int) {
        open.add(change, ordering: .relaxed)
    }

    /// Whether those that are open without need should make room for others.
    var isCrowded: Bool { open.load(ordering: .relaxed) >= AdminConnectionBudget.maximum * 3 / 4 }
}

/// Closes a connection on which no answer was taken for a while: who says nothing, asks a byte a second or does not read
/// keeps nobody else from a place. Where places are few, an answer is the last of its connection: whoever keeps many open
/// for later must not shut others out. Confined to its event loop.
final class AdminConnectionTimer: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// More than any request takes.
    static let patience = TimeAmount.seconds(15)

    /// How long a client may take to close after the last answer.
    static let closing = TimeAmount.seconds(1)

    private let connections: AdminConnectionCount
    private var timer: Scheduled<Void>?
    private var isLast = false

    init(_ connections: AdminConnectionCount) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connections.add(1)
        start(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        connections.add(-1)
        timer?.cancel()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        if case .head(var head) = part, head.status.kind != .informational, connections.isCrowded {
            isLast = true
            head.headerFields[.connection] = "close"
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        }
        guard case .end = part else { return context.write(data, promise: promise) }
        let taken = promise ?? context.eventLoop.makePromise(of: Void.self)
        taken.futureResult.assumeIsolated().whenSuccess {
            if context.channel.isActive { self.start(context) }
        }
        context.write(data, promise: taken)
    }

    private func start(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: isLast ? Self.closing : Self.patience) {
            channel.close(promise: nil)
        }
    }
}
