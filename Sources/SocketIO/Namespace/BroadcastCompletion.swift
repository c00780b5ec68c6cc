public import NIOCore

/// Tells an event loop, once, that a broadcast is no longer on its way through this node.
///
/// Whoever has yet to give some of the broadcast to the network holds on to it, and it tells when the last of them lets
/// go: also when there was no socket, when sockets or event loops ended meanwhile, or when nobody ever took it.
public final class BroadcastCompletion: Sendable {
    private let eventLoop: any EventLoop
    private let body: @Sendable () -> Void

    /// - Parameters:
    ///   - eventLoop: where `body` is called, in a later turn.
    ///   - body: called exactly once, unless the event loop has shut down.
    public init(on eventLoop: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.body = body
    }

    deinit {
        eventLoop.execute(body)
    }
}
