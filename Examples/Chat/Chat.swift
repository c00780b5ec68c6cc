import EngineIO
import Foundation
import Hummingbird
import HummingbirdEngine
import Logging
import NIOPosix
import SocketIO

/// A chat with rooms, on one node: `PORT=3000 swift run Chat`; port 0 takes any that is free. With `ORIGIN` only pages of
/// that origin may connect, such as `https://chat.example`.
@main
struct Chat {
    static func main() async throws {
        let io = SocketIOServer(
            eventLoops: Array(MultiThreadedEventLoopGroup.singleton.makeIterator()),
            connections: KnownPages(origin: Environment().get("ORIGIN")))
        io.namespace("/", handler: chat())

        let router = Router()
        router.get("/") { _, _ in "The chat is at /socket.io/.\n" }
        let listener = EngineListener(
            engine: io.engine, router: router, host: "127.0.0.1",
            port: Environment().get("PORT", as: Int.self) ?? 3_000, logger: Logger(label: "chat"),
            onListening: { address in
                print("the chat listens on http://127.0.0.1:\(address.port ?? 0)")
                fflush(nil)  // at once, also into a pipe
            })
        try await io.start()
        try await listener.runService(with: io)
    }

    /// Decides who may open a connection.
    struct KnownPages: ConnectionHandler {
        /// Pages of other origins may not; with none, any page may.
        var origin: String?

        func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
            // What is no browser sends no origin.
            if let origin, let theirs = handshake.header("origin"), theirs != origin {
                return .now(.refuse(.forbidden("pages of \(theirs) may not connect")))
            }
            return .now(.accept(headers: [], context: handshake))
        }
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

        // Every event passes here before its handler.
        router.useEvents { socket, event in
            guard event.name != "join" || socket.roomCount < 16 else {
                throw EventFailure("too_many", "leave a room first: 16 are the most")
            }
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
        // The client is asked, and answers.
        router.on("away?") { (socket) in
            let isHere = try await socket.emitWithAck("here?", timeout: .seconds(5), as: Bool.self)
            return !isHere
        }
        return router
    }
}
