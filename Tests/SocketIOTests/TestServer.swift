import EngineIO
import Hummingbird
import HummingbirdEngine
import Logging
import NIOCore
import NIOPosix
import SocketIO

/// A Socket.IO server on a free port of this machine, whose namespaces a test defines.
struct TestServer {
    let io: SocketIOServer
    let port: Int

    /// Connects a client.
    func client(_ namespace: String = "/", auth: String = "") async throws -> PacketClient {
        try await PacketClient.connect(port: port, namespace, auth: auth).client
    }

    static func run(
        _ configuration: SocketIOConfiguration = SocketIOConfiguration(),
        engine: EngineConfiguration = EngineConfiguration(),
        connections: any ConnectionHandler = AcceptsEverybody(), adapter: any Adapter = LocalAdapter(),
        define: (SocketIOServer) -> Void, _ body: (TestServer) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let io = SocketIOServer(
            engine: engine, configuration: configuration, eventLoops: Array(group.makeIterator()),
            connections: connections, adapter: adapter)
        define(io)
        try await io.start()
        let port = group.next().makePromise(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let listener = EngineListener(
            engine: io.engine, router: Router(), host: "127.0.0.1", port: 0, backlog: 1_024, logger: logger,
            onListening: { port.succeed($0.port ?? 0) })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer {
                io.stop()
                tasks.cancelAll()
            }
            tasks.addTask { try? await listener.run() }
            tasks.addTask { await io.run() }
            try await body(TestServer(io: io, port: try await port.futureResult.get()))
        }
        try await group.shutdownGracefully()
    }

    /// A server with one handler for its main namespace.
    static func run(
        _ router: EventRouter, adapter: any Adapter = LocalAdapter(), _ body: (TestServer) async throws -> Void
    ) async throws {
        try await run(adapter: adapter, define: { $0.namespace("/", handler: router) }, body)
    }
}

extension EventRouter {
    /// One whose sockets join and leave rooms as they are told, and answer `here`: after its acknowledgement everything
    /// that was sent before has come.
    static var rooms: EventRouter {
        var router = EventRouter()
        router.on("join") { (socket: Socket, room: String) async throws in socket.join(room) }
        router.on("leave") { (socket: Socket, room: String) async throws in socket.leave(room) }
        router.on("here") { (socket: Socket) async throws -> [String] in socket.rooms.sorted() }
        return router
    }
}

extension PacketClient {
    /// Sends an event and gives back what came before its acknowledgement, and the acknowledgement's arguments.
    func call(
        _ array: String, in namespace: String = "/"
    ) async throws -> (before: [Message], answer: String) {
        let prefix = namespace == "/" ? "" : namespace + ","
        send("2" + prefix + "77" + array)
        var before: [Message] = []
        while true {
            let message = try await next()
            if case .text(let text) = message, text.hasPrefix("3" + prefix + "77") {
                return (before, String(text.dropFirst(3 + prefix.count)))
            }
            if case .end = message { throw PacketClientError(said: "\(before + [message])") }
            before.append(message)
        }
    }

    /// What has come, up to now.
    func heard(in namespace: String = "/") async throws -> [Message] {
        try await call(#"["here"]"#, in: namespace).before
    }
}
