import EngineIO
import Hummingbird
import HummingbirdEngine
import Logging
import NIOCore
import NIOPosix
import SocketIO
import TestSupport
import Testing

@Suite("Starting a server")
struct StartTests {
    @Test("a server that nobody started is started by running; starting again changes nothing")
    func forgotten() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let io = SocketIOServer(eventLoops: Array(group.makeIterator()))
        io.namespace("/", handler: EventRouter.rooms)
        let port = group.next().makePromise(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let listener = EngineListener(
            engine: io.engine, router: Router(), host: "127.0.0.1", port: 0, logger: logger,
            onListening: { port.succeed($0.port ?? 0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer {
                io.stop()
                tasks.cancelAll()
            }
            tasks.addTask { try? await listener.run() }
            tasks.addTask { await io.run() }
            let number = try await port.futureResult.get()
            // Before it is ready, a connection is reset.
            var connected: PacketClient?
            try await eventually {
                do {
                    connected = try await PacketClient.connect(port: number).client
                } catch {
                    return false
                }
                return true
            }
            let client = try #require(connected)
            try await io.start()
            #expect(try await client.call(#"["join","a"]"#).answer == "[]")
            #expect(try await client.call(#"["here"]"#).answer == #"[["a"]]"#)
            #expect(io.engine.counters.connections.value == 1)
            try await io.namespace("/").to("a").emit("news")
            #expect(try await client.heard() == [.text(#"2["news"]"#)])
        }
        try await group.shutdownGracefully()
    }
}
