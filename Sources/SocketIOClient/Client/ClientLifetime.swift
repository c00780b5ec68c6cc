import NIOCore

/// Keeps a client connected: when neither the client nor one of its sockets is referenced any more, the connection
/// closes.
final class ClientLifetime: Sendable {
    let eventLoop: any EventLoop
    private let core: NIOLoopBoundBox<ClientCore>

    init(_ core: sending ClientCore, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.core = NIOLoopBoundBox.makeBoxSendingValue(core, eventLoop: eventLoop)
    }

    deinit {
        let core = self.core
        self.eventLoop.execute { core.value.abort() }
    }

    func onLoop(_ action: @escaping @Sendable (ClientCore) -> Void) {
        let core = self.core
        self.eventLoop.execute { action(core.value) }
    }
}
