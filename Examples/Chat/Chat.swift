import EngineIO
import Foundation
import Hummingbird
import Logging
import NIOPosix
import SocketIO

/// A chat with rooms, on one node: `PORT=3000 swift run Chat`; port 0 takes any that is free.
@main
struct Chat {
    static func main() async throws {
        let eventLoops = MultiThreadedEventLoopGroup.singleton
        let io = SocketIOServer(eventLoops: Array(eventLoops.makeIterator()))
        io.namespace("/", handler: chat())

        let router = Router()
        router.get("/") { _, _ in "The chat is at /socket.io/.\n" }
        var application = Application(
            router: router, server: .engineIO(io.engine),
            configuration: .init(
                address: .hostname("127.0.0.1", port: Environment().get("PORT", as: Int.self) ?? 3_000)),
            onServerRunning: { channel in
                print("the chat listens on http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
                fflush(nil)  // at once, also into a pipe
            },
            eventLoopGroupProvider: .shared(eventLoops), logger: Logger(label: "chat"))
        application.addServices(io)
        application.beforeServerStarts { try await io.start() }
        try await application.runService()
    }

    struct Message: Codable {
        var room: String
        var text: String
        /// Travels as bytes beside the JSON.
        var picture: Binary?
        var from: String?
    }

    struct Joined: Codable {
        var room: String
        var members: [String]
    }

    static func chat() -> EventRouter {
        var router = EventRouter()

        // Decides who comes in. What it throws is the client's `connect_error`.
        router.use { socket, auth in
            guard let name = auth?["name"], name.string?.isEmpty == false else {
                throw ConnectRefusal(message: "a name is needed")
            }
            socket.data = name
        }

        // Arguments are decoded; what is returned is the acknowledgement.
        router.on("join") { (socket, room: String) in
            guard room.utf8.count <= 64 else { throw EventFailure("bad_request", "a room's name is 64 bytes at most") }
            socket.join(room)
            let members = try await socket.namespace.to(room).fetchSockets()
            return Joined(room: room, members: members.compactMap(\.data?.string).sorted())
        }

        // To everybody in the room but the sender, on all nodes.
        router.on("say") { (socket, message: Message) in
            guard socket.isIn(message.room) else { throw EventFailure("not_joined", "join \(message.room) first") }
            var message = message
            message.from = socket.data?.string
            try await socket.to(message.room).emit("said", message)
        }

        router.on("leave") { (socket, room: String) in
            guard socket.isIn(room) else { return }
            socket.leave(room)
            try await socket.to(room).emit("left", room, socket.data?.string)
        }
        return router
    }
}
