import EngineIO
import NIOCore
import NIOPosix
import SocketIO
import SocketIOClient
import Synchronization
import TestSupport
import Testing

@Suite("The end of a broadcast's way through a node")
struct BroadcastCompletionTests {
    /// Counts how often it was told.
    private final class Telling: Sendable {
        let times = Atomic<Int>(0)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

        func completion() -> BroadcastCompletion {
            BroadcastCompletion(on: eventLoop) {
                self.eventLoop.assertInEventLoop()
                self.times.add(1, ordering: .relaxed)
            }
        }

        var count: Int { times.load(ordering: .relaxed) }
    }

    private let message = EncodedMessage(event: "news", argument: ByteBuffer(string: "1"))

    @Test("it is told once, with sockets on every event loop, with none, and when nobody takes it")
    func once() async throws {
        try await EchoServer.run { echo in
            let telling = Telling()
            _ = telling.completion()
            try await eventually { telling.count == 1 }
            echo.sockets.broadcastVolatile(message, to: "nobody", completion: telling.completion())
            try await eventually { telling.count == 2 }
            var clients: [SocketIOClient] = []
            for _ in 0..<6 {
                let client = try await echo.client()
                _ = try await client.call("join", #""here""#)
                clients.append(client)
            }
            for round in 3...50 {
                let except = round % 2 == 0 ? SocketID(clients[0].socketID) : nil
                echo.sockets.broadcastVolatile(message, to: "here", except: except, completion: telling.completion())
                try await eventually { telling.count == round }
            }
            for client in clients { client.abort() }
            echo.sockets.broadcastVolatile(message, to: "here", completion: telling.completion())
            try await eventually { telling.count == 51 }
        }
    }

    @Test("it is told of a server that has stopped")
    func stopped() async throws {
        let telling = Telling()
        var sockets: Namespace?
        try await EchoServer.run { echo in
            let client = try await echo.client()
            _ = try await client.call("join", #""here""#)
            sockets = echo.sockets
        }
        sockets?.broadcastVolatile(message, to: "here", completion: telling.completion())
        try await eventually { telling.count == 1 }
    }
}
