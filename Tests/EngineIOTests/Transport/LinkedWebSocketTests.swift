import NIOCore
import NIOEmbedded
import Testing

@testable import EngineIO

/// A WebSocket that is to replace a session's polling, on a channel without a network.
@Suite struct LinkedWebSocketTests {
    private func loop(_ channel: NIOAsyncTestingChannel) -> EngineLoop {
        return EngineLoop(
            eventLoop: channel.eventLoop, configuration: EngineConfiguration(), counters: EngineCounters(),
            handshakes: HandshakeBudget(EngineConfiguration()),
            jobs: JobQueue())
    }

    @Test("a session that ends before its WebSocket is open closes it all the same")
    func closedBeforeOpen() async throws {
        let channel = NIOAsyncTestingChannel()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        let link = WebSocketLink(
            sid: .random(node: "node", loop: 0), shard: EngineShard(eventLoop: channel.eventLoop),
            socketLoop: channel.eventLoop)
        try await channel.testingEventLoop.executeInContext {
            let loop = loop(channel)
            let socket = LinkedWebSocket(link: link, loop: loop, isWanted: true)
            link.closeWebSocket(.forcedClose)
            let transport = WebSocketTransport(loop: loop, upgrading: socket, deflate: nil)
            try channel.pipeline.syncOperations.addHandler(transport)
            socket.opened(transport)
            #expect(link.socket.value == nil)
        }
        let frame = try await channel.readOutbound(as: ByteBuffer.self)
        #expect(frame.map { Array($0.readableBytesView) } == serverFrame(.close(1000)))
    }

    /// Stands where the gate does, and is told of the end just before the WebSocket is there.
    private final class Gate: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let transport: WebSocketTransport

        init(_ transport: WebSocketTransport) {
            self.transport = transport
        }

        func channelInactive(context: ChannelHandlerContext) {
            do {
                try context.pipeline.syncOperations.addHandler(transport, position: .after(self))
            } catch {
                Issue.record(error)
            }
        }
    }

    @Test("a WebSocket whose connection ended in the middle of its opening is forgotten at once")
    func endedWhileOpening() async throws {
        let channel = NIOAsyncTestingChannel()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        let link = WebSocketLink(
            sid: .random(node: "node", loop: 0), shard: EngineShard(eventLoop: channel.eventLoop),
            socketLoop: channel.eventLoop)
        try await channel.testingEventLoop.executeInContext {
            let loop = loop(channel)
            let socket = LinkedWebSocket(link: link, loop: loop, isWanted: true)
            let transport = WebSocketTransport(loop: loop, upgrading: socket, deflate: nil)
            try channel.pipeline.syncOperations.addHandler(Gate(transport))
            socket.opened(transport)
        }
        try await channel.close()
        await channel.testingEventLoop.run()
        let isForgotten = try await channel.testingEventLoop.executeInContext { link.socket.value == nil }
        #expect(isForgotten)
    }
}
