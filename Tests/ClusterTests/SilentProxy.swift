import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A TCP proxy on this machine whose connections can be made silent: they stay open, and nothing comes through.
final class SilentProxy: Sendable {
    let port: Int
    private let listener: any Channel
    private let state: State

    private final class State: Sendable {
        let accepted = Atomic<Int>(0)
        /// Connections up to this number are silent.
        let silentUpTo = Atomic<Int>(0)
    }

    /// - Parameter target: a port of 127.0.0.1.
    init(to target: Int) async throws {
        let state = State()
        let group = MultiThreadedEventLoopGroup.singleton
        listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { client in
                let number = state.accepted.add(1, ordering: .relaxed).newValue
                // One loop for both sides: what one side reads, the other writes without a hop.
                return ClientBootstrap(group: client.eventLoop).connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { server in
                        let isSilent: @Sendable () -> Bool = {
                            number <= state.silentUpTo.load(ordering: .relaxed)
                        }
                        try client.pipeline.syncOperations.addHandler(Pipe(to: server, isSilent: isSilent))
                        try server.pipeline.syncOperations.addHandler(Pipe(to: client, isSilent: isSilent))
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = try #require(listener.localAddress?.port)
        self.state = state
    }

    /// Nothing comes through the present connections any more; new ones work.
    func silence() {
        state.silentUpTo.store(connections, ordering: .relaxed)
    }

    /// How many connections there have been.
    var connections: Int { state.accepted.load(ordering: .relaxed) }

    func stop() async {
        try? await listener.close()
    }

    private final class Pipe: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let other: any Channel
        private let isSilent: @Sendable () -> Bool

        init(to other: any Channel, isSilent: @escaping @Sendable () -> Bool) {
            self.other = other
            self.isSilent = isSilent
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if !isSilent() { other.writeAndFlush(unwrapInboundIn(data), promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            other.close(promise: nil)
            context.fireChannelInactive()
        }
    }
}
