import EngineIO
import Foundation
import Hummingbird
import Logging
import NIOPosix
import SocketIO

/// A chat with rooms: `PORT=3000 swift run Chat`; port 0 takes any that is free.
@main
struct Chat {
    struct Message: Codable {
        var room: String
        var text: String
        /// A picture, sent as bytes beside the JSON.
        var picture: Binary?
        var from: String?
    }

    struct Joined: Codable {
        var room: String
        var members: [String]
    }

    static func main() async throws {
        let eventLoops = MultiThreadedEventLoopGroup.singleton
        let io = SocketIOServer(eventLoops: Array(eventLoops.makeIterator()))
        io.namespace("/", handler: chat())

        var application = Application(
            router: Router(), server: .engineIO(io.engine),
            configuration: .init(address: .hostname("127.0.0.1", port: port())),
            onServerRunning: { say("the chat is at http://127.0.0.1:\($0.localAddress?.port ?? 0)") },
            eventLoopGroupProvider: .shared(eventLoops), logger: Logger(label: "chat"))
        application.addServices(io)
        application.beforeServerStarts { try await io.start() }
        try await application.runService()
    }

    static func chat() -> EventRouter {
        var router = EventRouter()

        // Decides who comes in. What it throws is the client's `connect_error`.
        router.use { socket, auth in
            guard let name = auth?["name"]?.string, !name.isEmpty else {
                throw ConnectRefusal(message: "a name is needed")
            }
            socket.data = try JSONBytes(encoding: ["name": name])
        }

        // Arguments are decoded, and what is returned is the acknowledgement.
        router.on("join") { (socket: Socket, room: String) async throws -> Joined in
            guard room.utf8.count <= 64 else { throw EventFailure("bad_request", "a room's name is 64 bytes at most") }
            socket.join(room)
            let members = try await socket.namespace.to(room).fetchSockets()
            return Joined(room: room, members: members.compactMap { $0.data?["name"]?.string }.sorted())
        }

        // To everybody in the room, on all nodes, but not to the sender.
        router.on("say") { (socket: Socket, message: Message) async throws in
            guard socket.isIn(message.room) else { throw EventFailure("not_joined", "join \(message.room) first") }
            var message = message
            message.from = name(of: socket)
            try await socket.to(message.room).emit("said", message)
        }

        // What a handler does not return is an empty acknowledgement.
        router.on("leave") { (socket: Socket, room: String) async throws in
            guard socket.isIn(room) else { return }
            socket.leave(room)
            try await socket.to(room).emit("left", room, name(of: socket))
        }
        return router
    }

    static func name(of socket: Socket) -> String? { socket.data?["name"]?.string }

    /// Prints a line that is not buffered on its way.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private static func port() -> Int {
        ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 3_000
    }
}
