import NIOCore
import NIOPosix
import RedisClient
import TestSupport
import Testing

@Suite("RedisSubscriber with a real server", .timeLimit(.minutes(2)))
struct RedisSubscriberTests {
    private typealias Events = Recorder<RedisSubscriptionEvent>

    private static func message(_ text: String) -> RedisSubscriptionEvent {
        .message(ByteBuffer(string: text))
    }

    @Test("plain and sharded channels of one name are two, and hear their own messages in order")
    func channels() async throws {
        try await withRedisServer { server in
            let subscriber = try makeSubscriber(server.url)
            let client = try makeClient(server.url)
            try await running(subscriber, client) {
                try await client.waitUntilConnected(timeout: .seconds(10))
                let (plain, sharded) = (Events(), Events())
                try await subscriber.subscribe(.plain("room")) { plain.append($0) }
                try await subscriber.subscribe(.sharded("room")) { sharded.append($0) }
                #expect(plain.all == [.subscribed])
                for number in 0..<100 {
                    #expect(try await client.send("PUBLISH", ["room", .integer(number)]).int == 1)
                    #expect(try await client.send("SPUBLISH", ["room", .string("s\(number)")]).int == 1)
                }
                try await eventually { plain.all.count == 101 && sharded.all.count == 101 }
                #expect(plain.all == [.subscribed] + (0..<100).map { Self.message("\($0)") })
                #expect(sharded.all == [.subscribed] + (0..<100).map { Self.message("s\($0)") })

                await subscriber.unsubscribe(.plain("room"))
                try await eventually { try await client.send("PUBLISH", ["room", "x"]).int == 0 }
                try await subscriber.subscribe(.plain("room")) { plain.append($0) }
                _ = try await client.send("PUBLISH", ["room", "again"])
                try await eventually { plain.all.last == Self.message("again") }
                #expect(plain.all.suffix(2) == [.subscribed, Self.message("again")])
            }
        }
    }

    @Test("after a kill, a restart or a dropped connection every subscription comes back by itself")
    func reconnection() async throws {
        try await withRedisServer { server in
            let subscriber = try makeSubscriber(server.url)
            let client = try makeClient(server.url)
            try await running(subscriber, client) {
                let (one, two) = (Events(), Events())
                try await subscriber.subscribe(.plain("one")) { one.append($0) }
                try await subscriber.subscribe(.sharded("two")) { two.append($0) }
                for round in 0..<3 {
                    let before = (one.all.count, two.all.count)
                    switch round {
                    case 0: try await server.command("CLIENT", "KILL", "TYPE", "pubsub")
                    case 1: try await server.restart()
                    default: subscriber.reconnect()
                    }
                    // A connection to a server that is only just starting may be lost once more.
                    try await eventually(timeout: .seconds(30)) {
                        one.all.dropFirst(before.0).suffix(2) == [.lost, .subscribed]
                            && two.all.dropFirst(before.1).suffix(2) == [.lost, .subscribed]
                    }
                    try await eventually { client.isConnected }
                    // Redis may see the end of the old connection after the subscriptions of the new one.
                    try await eventually {
                        let plain = try await client.send("PUBSUB", ["NUMSUB", "one"])
                        let sharded = try await client.send("PUBSUB", ["SHARDNUMSUB", "two"])
                        return plain.array?.last?.int == 1 && sharded.array?.last?.int == 1
                    }
                    #expect(try await client.send("SPUBLISH", ["two", .integer(round)]).int == 1)
                    #expect(try await client.send("PUBLISH", ["one", .integer(round)]).int == 1)
                    let message = Self.message("\(round)")
                    try await eventually { one.all.last == message && two.all.last == message }
                }
            }
        }
    }

    @Test("an idle subscriber finds out that a frozen server does not answer, and comes back after it thaws")
    func liveness() async throws {
        try await withRedisServer { server in
            let subscriber = try makeSubscriber(server.url)
            let events = Events()
            try await running(subscriber) {
                try await subscriber.subscribe(.plain("news")) { events.append($0) }
                server.freeze()
                try await eventually(timeout: .seconds(15)) { events.all == [.subscribed, .lost] }
                #expect(!subscriber.isConnected)
                server.thaw()
                try await eventually { events.all == [.subscribed, .lost, .subscribed] }
            }
        }
    }

    @Test("an idle subscriber of a healthy server keeps its connection")
    func idle() async throws {
        try await withRedisServer { server in
            let subscriber = try makeSubscriber(server.url)
            let events = Events()
            try await running(subscriber) {
                try await subscriber.subscribe(.plain("news")) { events.append($0) }
                // The second PING comes only after the first was answered.
                try await eventually(timeout: .seconds(30)) {
                    try await server.command("INFO", "commandstats").contains("cmdstat_ping:calls=4,")
                }
                #expect(events.all == [.subscribed])
            }
        }
    }

    @Test("without a server a subscription fails in time, and is not kept")
    func unavailable() async throws {
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(freePort())")
        configuration.commandTimeout = .milliseconds(50)
        configuration.connectTimeout = .milliseconds(50)
        let subscriber = RedisSubscriber(
            configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: quietLogger)
        try await running(subscriber) {
            for _ in 0..<2 {
                let failure = await error { () throws(RedisError) in
                    try await subscriber.subscribe(.plain("news")) { _ in Issue.record("an event without a server") }
                }
                #expect(failure?.code == .unavailable)
            }
        }
    }

    @Test("a channel that the ACL forbids is refused, and the others go on")
    func forbidden() async throws {
        let user = ["--user", "default", "on", "nopass", "+@all", "~*", "resetchannels", "&free"]
        try await withRedisServer(user) { server in
            let subscriber = try makeSubscriber(server.url)
            try await running(subscriber) {
                let events = Events()
                try await subscriber.subscribe(.plain("free")) { events.append($0) }
                let refused = await error { () throws(RedisError) in
                    try await subscriber.subscribe(.plain("forbidden")) { _ in }
                }
                #expect(refused?.code == .server("NOPERM"))
                try await server.command("PUBLISH", "free", "x")
                try await eventually { events.all == [.subscribed, Self.message("x")] }
            }
        }
    }
}
