// A chat over several nodes: Socket.IO with rooms, typed events, and connection state recovery through Redis. A node may
// be killed: whoever was connected to it goes on at another one, in the same room, and has missed nothing.
//
//     REDIS_URL=redis://127.0.0.1:6379 NODE=a PORT=3001 swift run ClusterChat
//     REDIS_URL=redis://127.0.0.1:6379 NODE=b PORT=3002 swift run ClusterChat

import Cluster
import EngineIO
import Foundation
import Hummingbird
import HummingbirdEngine
import Logging
import NIOCore
import NIOPosix
import RedisClient
import SocketIO

struct Line: Codable, Sendable {
    var room: String
    var text: String
}

@main
struct ClusterChat {
    static func main() async throws {
        let environment = Environment()
        let port = environment.get("PORT", as: Int.self) ?? 3000
        let name = environment.get("NODE").flatMap { NodeName($0) } ?? .random()
        var logger = Logger(label: "chat")
        logger[metadataKey: "node"] = "\(name)"

        // Two connections to Redis, and the node's place in the cluster.
        let group = MultiThreadedEventLoopGroup.singleton
        let eventLoops = Array(group.makeIterator())
        let configuration = try RedisConfiguration(url: environment.get("REDIS_URL") ?? "redis://127.0.0.1:6379")
        let redis = RedisClient(configuration: configuration, eventLoop: eventLoops[0], logger: logger)
        let subscriber = RedisSubscriber(configuration: configuration, eventLoop: eventLoops[0], logger: logger)
        var clusterConfiguration = ClusterConfiguration(name: name, version: "1")
        clusterConfiguration.prefix = "chat:"
        clusterConfiguration.address = "127.0.0.1:\(port)"
        let cluster = Cluster(
            configuration: clusterConfiguration, redis: redis, subscriber: subscriber, logger: logger)
        let store = RedisRecoveryStore(redis: redis, subscriber: subscriber, prefix: "chat:")
        cluster.onHearingAgain { store.missedMessages() }

        // The Socket.IO server, and what its sockets may say.
        var engine = EngineConfiguration()
        engine.nodeName = name.description
        engine.pingInterval = .seconds(5)
        let io = SocketIOServer(engine: engine, eventLoops: eventLoops, adapter: ClusterAdapter(cluster))
        io.namespace("/chat", handler: events(logger: logger), recovery: RecoveryOptions(store: store))

        let listener = EngineListener(
            engine: io.engine, router: Router(), host: "127.0.0.1", port: port, logger: logger,
            onListening: { _ in
                print("chat: node \(name) listens on http://127.0.0.1:\(port)")
                fflush(nil)  // also into a pipe
            })
        try await io.start()
        try await listener.runService(with: redis, subscriber, cluster, io)
    }

    static func events(logger: Logger) -> EventRouter {
        var events = EventRouter(logger: logger)
        events.use { socket, auth in
            guard let name = auth?["name"], name.string?.isEmpty == false else {
                throw ConnectRefusal(message: "say who you are: {auth: {name}}")
            }
            // Seen by other nodes, and there again after a recovery.
            socket.data = name
        }
        events.on("join") { (socket, room: String) in
            socket.join(room)
            return socket.roomCount
        }
        events.on("say") { (socket, line: Line) in
            guard socket.isIn(line.room) else { throw EventFailure("not_joined", "join \(line.room) first") }
            // Everybody in the room, on all nodes, the speaker too: one order for all.
            try await socket.namespace.to(line.room).emit("line", line)
        }
        events.on("who") { (socket, room: String) in
            try await socket.namespace.to(room).fetchSockets().compactMap(\.data?.string).sorted()
        }
        return events
    }
}
