import EngineIO
import Foundation
import Hummingbird
import HummingbirdEngine
import Logging
import NIOPosix
import SocketIO

/// The server that the conformance suites of Engine.IO v4 and Socket.IO v5 expect: it sends back what it gets.
///
/// `PORT=3000 swift run SocketIOEcho`; port 0 takes any that is free. Two namespaces, `/` and `/custom`:
///
/// | a client sends | it gets |
/// |---|---|
/// | CONNECT with a payload | the event `auth` with that payload, `{}` when there is none |
/// | `message` with any arguments | the event `message-back` with the same arguments |
/// | `message-with-ack` with any arguments | an acknowledgement with the same arguments |
@main
struct SocketIOEcho {
    static func main() async throws {
        // Heartbeats far too quick for real use: whoever tests them does not want to wait.
        var engine = EngineConfiguration()
        engine.pingInterval = .milliseconds(300)
        engine.pingTimeout = .milliseconds(200)
        engine.maximumPayloadBytes = 1_000_000
        engine.cors = .any
        var configuration = SocketIOConfiguration()
        configuration.connectTimeout = .seconds(1)

        let io = SocketIOServer(
            engine: engine, configuration: configuration,
            eventLoops: Array(MultiThreadedEventLoopGroup.singleton.makeIterator()))
        io.namespace("/", handler: echo())
        io.namespace("/custom", handler: echo())

        // Everything but Socket.IO's own path is an ordinary Hummingbird router's.
        let router = Router()
        router.get("/") { _, _ in "This is a Socket.IO server.\n" }
        let listener = EngineListener(
            engine: io.engine, router: router, host: "127.0.0.1",
            port: Environment().get("PORT", as: Int.self) ?? 3_000, logger: Logger(label: "echo"),
            onListening: { address in
                print("Socket.IO listens on http://127.0.0.1:\(address.port ?? 0)")
                fflush(nil)  // at once, also into a pipe
            })
        try await io.start()
        try await listener.runService(with: io)
    }

    /// What a namespace does with its sockets.
    static func echo() -> EventRouter {
        var router = EventRouter()
        // Whoever connects comes through here first, with the payload of its CONNECT. Nothing may be sent yet.
        router.use { socket, auth in socket.data = auth ?? .emptyObject }
        router.onConnection { socket in socket.emit("auth", socket.data ?? .emptyObject) }
        // Raw handlers get the arguments as they came, binary ones beside them. Most handlers are typed: see `Chat`.
        router.onRaw("message") { socket, event in
            socket.emit("message-back", try event.payload())
            return nil
        }
        // What a handler returns is the acknowledgement.
        router.onRaw("message-with-ack") { _, event in try event.payload() }
        return router
    }
}
