import EngineIO
import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite struct MiddlewareTests {
    struct Broken: Error {}

    @Test("those who decide about a CONNECT are asked in order, with its payload, until one refuses")
    func order() async throws {
        let asked = Mutex<[String]>([])
        var router = EventRouter.rooms
        for name in ["first", "second", "third"] {
            router.use { _, auth in
                await Task.yield()
                asked.withLock { $0.append("\(name) \(auth.map { String(buffer: $0.buffer) } ?? "nothing")") }
                if auth?["refused_by"]?.string == name {
                    throw ConnectRefusal(message: "not by \(name)", data: try JSONBytes(encoding: ["code": 7]))
                }
            }
        }
        router.onConnection { _ in asked.withLock { $0.append("connected") } }
        try await TestServer.run(router) { test in
            let client = try await PacketClient.open(port: test.port)
            client.send(#"0{"refused_by":"second"}"#)
            #expect(try await client.packet() == #"4{"message":"not by second","data":{"code":7}}"#)
            #expect(
                asked.withLock { $0 } == [
                    #"first {"refused_by":"second"}"#, #"second {"refused_by":"second"}"#,
                ])
            asked.withLock { $0 = [] }
            // The connection is still there, and may ask again.
            try await client.connect()
            #expect(asked.withLock { $0 } == ["first nothing", "second nothing", "third nothing", "connected"])
            #expect(test.io.counters.sockets.value == 1)
        }
    }

    @Test("a refusal without data has none; quotes in its message are escaped")
    func bareRefusal() async throws {
        var router = EventRouter()
        router.use { _, _ in throw ConnectRefusal(message: "no \"you\"\n") }
        try await TestServer.run(router) { test in
            let client = try await PacketClient.open(port: test.port)
            client.send("0")
            #expect(try await client.packet() == #"4{"message":"no \"you\"\n"}"#)
        }
    }

    @Test("one that fails closes the transport without an answer, so that the client comes back")
    func failure() async throws {
        var router = EventRouter()
        router.use { _, _ in throw Broken() }
        try await TestServer.run(router) { test in
            let client = try await PacketClient.open(port: test.port)
            client.send("0")
            #expect(try await client.rest() == [.end(code: 1000)])
            #expect(test.io.counters.sockets.value == 0)
        }
    }

    @Test("what a middleware notes about a socket is there for its handlers; nothing is sent to it before it is in")
    func notes() async throws {
        final class Account {
            let name: String
            init(name: String) { self.name = name }
        }
        var router = EventRouter()
        router.use { socket, auth in
            socket.storage = Account(name: auth?["name"]?.string ?? "")
            socket.emit("early", .null)
            socket.join("early")
        }
        router.on("name") { (socket: Socket) async throws -> [String] in
            [(socket.storage as? Account)?.name ?? "unknown"] + socket.rooms.sorted()
        }
        try await TestServer.run(router) { test in
            let client = try await PacketClient.open(port: test.port)
            try await client.connect(auth: #"{"name":"Ada"}"#)
            #expect(try await client.call(#"["name"]"#) == ([], #"[["Ada"]]"#))
        }
    }

    @Test("each event passes those who are asked about events, in order, until one throws; its handler comes last")
    func events() async throws {
        let seen = Mutex<[String]>([])
        var router = EventRouter.rooms
        router.useEvents { socket, event in
            seen.withLock { $0.append("first \(event.name)") }
            await Task.yield()
            if event.name == "leave", !socket.isIn("a") { throw EventFailure("not_joined", "join a first") }
        }
        router.useEvents { _, event in seen.withLock { $0.append("second \(event.name)") } }
        router.onAny { _, event in seen.withLock { $0.append("any \(event.name)") } }
        router.on("counted") { (_: Socket) in seen.withLock { $0.append("handler") } }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            #expect(
                try await client.call(#"["leave","a"]"#).answer
                    == #"[{"ok":false,"error":"not_joined","message":"join a first"}]"#)
            #expect(try await client.call(#"["counted"]"#).answer == "[]")
            // Also an event that nobody handles, which goes unanswered.
            client.send(#"21["unheard-of"]"#)
            #expect(try await client.call(#"["join","a"]"#) == ([], "[]"))
            #expect(try await client.call(#"["leave","a"]"#).answer == "[]")
        }
        #expect(
            seen.withLock { $0 } == [
                "any leave", "first leave", "any counted", "first counted", "second counted", "handler",
                "any unheard-of", "first unheard-of", "second unheard-of", "any join", "first join", "second join",
                "any leave", "first leave", "second leave",
            ])
    }

    @Test("a socket that is gone when those who are asked about its event have decided is not handled any more")
    func goneMeanwhile() async throws {
        let handled = Mutex(0)
        var router = EventRouter()
        router.useEvents { socket, _ in socket.disconnect() }
        router.on("count") { (_: Socket) in handled.withLock { $0 += 1 } }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            client.send(#"2["count"]"#)
            #expect(try await client.packet() == "1")
            try await eventually { test.io.counters.sockets.value == 0 }
        }
        #expect(handled.withLock { $0 } == 0)
    }

    @Test(
        "a CONNECT whose payload is no object closes the connection", arguments: ["[]", "true", "null", "{", #""a""#])
    func wrongPayload(payload: String) async throws {
        try await TestServer.run(EventRouter()) { test in
            let client = try await PacketClient.open(port: test.port)
            client.send("0" + payload)
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }

    @Test("where nothing else is said everybody is let in, and a socket knows the handshake of its connection")
    func handshake() async throws {
        var router = EventRouter()
        router.on("handshake") { (socket: Socket) async throws -> [String] in
            [
                socket.handshake?.query["EIO"] ?? "", socket.handshake?.peer?.ipAddress ?? "",
                socket.peer?.ipAddress ?? "", socket.handshake?.header("UPGRADE") ?? "",
                socket.handshake?.header("absent") ?? "no such header",
            ]
        }
        try await TestServer.run(router) { test in
            let answer = try await test.client().call(#"["handshake"]"#).answer
            #expect(answer == #"[["4","127.0.0.1","127.0.0.1","websocket","no such header"]]"#)
        }
    }
}
