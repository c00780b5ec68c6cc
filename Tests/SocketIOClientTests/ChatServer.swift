import EngineIO
import Hummingbird
import HummingbirdEngine
import Logging
import NIOCore
import NIOPosix
import SocketIO

/// What is said in the chat of the tests.
struct Message: Codable, Equatable, Sendable {
    let from: String
    let text: String
    let picture: Binary?
}

/// This project's server with a small chat on it.
enum ChatServer {
    /// - Parameters:
    ///   - name: what `whoami` answers.
    ///   - port: 0: any free one.
    ///   - body: gets the server's URL; when it returns, the server goes and takes all connections along.
    static func run(_ name: String, port: Int = 0, _ body: (String) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = SocketIOServer(eventLoops: Array(group.makeIterator()))
        server.namespace("/", handler: Self.main(name))
        server.namespace("/chat", handler: Self.chat())
        server.namespace("/game", handler: Self.game())
        try await server.start()
        let listening = group.next().makePromise(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let listener = EngineListener(
            engine: server.engine, router: Router(), host: "127.0.0.1", port: port, logger: logger,
            onListening: { listening.succeed($0.port ?? 0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer {
                server.stop()
                tasks.cancelAll()
            }
            tasks.addTask { try? await listener.run() }
            tasks.addTask { await server.run() }
            try await body("http://127.0.0.1:\(try await listening.futureResult.get())")
        }
        try await group.shutdownGracefully()
    }

    private static func main(_ name: String) -> EventRouter {
        var router = EventRouter()
        router.onConnection { socket in socket.emit("hello", JSONBytes(string: name)) }
        router.on("whoami") { (_: Socket) in name }
        router.on("leave me") { (socket: Socket) in socket.disconnect() }
        // Asks back, and answers with what it was told.
        router.on("ask me") { (socket: Socket, question: Binary) in
            try await socket.emitWithAck("question", .encoding(question), timeout: .seconds(5)).decode(
                Binary.self, at: 0)
        }
        return router
    }

    private static func chat() -> EventRouter {
        var router = EventRouter()
        router.use { _, auth in
            guard auth?["name"]?.string != nil else {
                throw ConnectRefusal(message: "who are you?", data: JSONBytes(string: "name"))
            }
        }
        router.on("say") { (socket: Socket, message: Message) in
            socket.emit("said", try .encoding(message, message.picture))
            return message.text.utf8.count
        }
        return router
    }

    private static func game() -> EventRouter {
        var router = EventRouter()
        router.onRaw("score") { socket, event in
            socket.emit("scored", try event.payload())
            return EventPayload([JSONBytes(integer: 1)])
        }
        return router
    }
}
