import NIOCore
import NIOPosix

/// The other end: reads what comes, and counts it. Confined to its event loop.
final class FloorReceiver {
    private let eventLoop: any EventLoop
    private var channels: [any Channel] = []
    private var missing = 0
    private var done: EventLoopPromise<Int>?
    private var countAtLastLook = 0

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func connect(_ count: Int, port: Int) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let connecting = (0..<count).map { _ in
            ClientBootstrap(group: self.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(FloorCounter(bound.value))
                    }
                }
                .connect(host: "127.0.0.1", port: port)
        }
        return EventLoopFuture.whenAllSucceed(connecting, on: self.eventLoop).assumeIsolated()
            .map { self.channels += $0 }.nonisolated()
    }

    /// - Returns: how many bytes were missing after 5 s without any; 0 as soon as all have come.
    func expect(_ bytes: Int) -> EventLoopFuture<Int> {
        let done = self.eventLoop.makePromise(of: Int.self)
        self.missing = bytes
        self.done = done
        self.look()
        return done.futureResult
    }

    func close() {
        for channel in self.channels { channel.close(promise: nil) }
        self.channels = []
    }

    fileprivate func received(_ bytes: Int) {
        self.missing -= bytes
        if self.missing == 0 { self.finish() }
    }

    private func look() {
        self.countAtLastLook = self.missing
        self.eventLoop.assumeIsolated().scheduleTask(in: .seconds(5)) {
            guard self.done != nil else { return }
            if self.missing == self.countAtLastLook { self.finish() } else { self.look() }
        }
    }

    private func finish() {
        let done = self.done.take()
        done?.succeed(self.missing)
    }
}

/// Tells the receiver what one connection brings. Confined to its event loop.
private final class FloorCounter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let receiver: FloorReceiver

    init(_ receiver: FloorReceiver) {
        self.receiver = receiver
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.receiver.received(self.unwrapInboundIn(data).readableBytes)
    }
}
