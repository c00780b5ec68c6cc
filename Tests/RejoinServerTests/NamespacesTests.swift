import Logging
import NIOCore
import NIOPosix
import RejoinServer
import SocketIO
import SocketIOClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NamespacesTests {
    @Test("a game server of one's own has namespaces beside the session service, with binary values and recovery")
    func ownNamespace() async throws {
        try await withRedisServer { server in
            let configuration = try RejoinConfiguration(environment: [
                "REJOIN_REDIS_URL": server.url, "REJOIN_PORT": "0", "REJOIN_ADMIN_PORT": "0", "REJOIN_NODE": "own",
                "REJOIN_DATA": try temporaryFolder(), "REJOIN_DRAIN": "1s",
            ])
            var events = EventRouter()
            events.on("reverse") { (_, bytes: Binary) in Binary(bytes.bytes.readableBytesView.reversed()) }
            let handler = events
            let (addresses, ready) = AsyncStream.makeStream(of: NodeAddress.self)
            var logger = Logger(label: "test")
            logger.logLevel = .error
            let node = RejoinNode(
                configuration: configuration,
                namespaces: { io, store in
                    io.namespace("/voice", handler: handler, recovery: RecoveryOptions(store: store))
                },
                logger: logger, onReady: { ready.yield($0) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await node.run() }
                var iterator = addresses.makeAsyncIterator()
                let address = try #require(await iterator.next())
                let client = SocketIOClient(.init(url: address.url), on: MultiThreadedEventLoopGroup.singleton.next())
                let voice = client.socket("/voice")
                try await voice.connected()
                let answer: Binary = try await voice.call("reverse", Binary([1, 2, 3]))
                #expect(answer == Binary([3, 2, 1]))
                try await client.main.connected()
                await client.close()
                group.cancelAll()
            }
        }
    }
}
