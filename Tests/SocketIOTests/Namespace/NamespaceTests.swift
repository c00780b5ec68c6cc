import EngineIO
import NIOCore
@testable import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite struct NamespaceTests {
    private var router: EventRouter {
        var router = EventRouter.rooms
        router.on("where") { (socket: Socket) async throws -> String in socket.namespace.name }
        router.on("kick") { (socket: Socket) async throws in socket.disconnect() }
        router.on("close") { (socket: Socket) async throws in socket.disconnectAndClose() }
        router.on("tell") { (socket: Socket, room: String) async throws in try await socket.to(room).emit("told", room)
        }
        return router
    }

    @Test("one connection is in several namespaces, each with a socket, rooms and an end of its own")
    func several() async throws {
        try await TestServer.run(define: { io in ["/", "/a", "/b"].forEach { io.namespace($0, handler: router) } }) {
            test in
            let (client, other) = (try await test.client(), try await test.client("/a"))
            let ids = [
                try await client.connect("/a"), try await client.connect("/b"), try await other.connect("/b"),
            ]
            #expect(Set(ids).count == 3)
            #expect(test.io.engine.counters.connections.value == 2 && test.io.counters.sockets.value == 5)
            for namespace in ["/", "/a", "/b"] {
                #expect(try await client.call(#"["where"]"#, in: namespace).answer == "[\"\(namespace)\"]")
            }
            _ = try await client.call(#"["join","r"]"#, in: "/a")
            #expect(try await client.call(#"["here"]"#, in: "/a").answer == #"[["r"]]"#)
            #expect(try await client.call(#"["here"]"#, in: "/b").answer == "[[]]")
            // What is said in a room of one namespace is not heard in the room of another.
            _ = try await other.call(#"["tell","r"]"#, in: "/b")
            _ = try await other.call(#"["tell","r"]"#, in: "/a")
            #expect(try await client.packet() == #"2/a,["told","r"]"#)
            // The server ends one; the client another; the third lives on.
            client.send(#"2/a,["kick"]"#)
            #expect(try await client.packet() == "1/a,")
            client.send("1")
            #expect(try await client.heard(in: "/b").isEmpty)
            #expect(test.io.counters.sockets.value == 3)
            // And may be entered again, as somebody else.
            let again = try await client.connect("/a")
            #expect(again != ids[0])
            #expect(try await client.call(#"["here"]"#, in: "/a").answer == "[[]]")
        }
    }

    @Test("a socket that is disconnected together with its connection takes the other namespaces along")
    func closing() async throws {
        let reasons = Mutex<[String]>([])
        var router = router
        router.onDisconnect { socket, reason in
            reasons.withLock { $0.append("\(socket.namespace.name) \(reason.text)") }
        }
        let defined = router
        try await TestServer.run(define: { io in ["/", "/a"].forEach { io.namespace($0, handler: defined) } }) { test in
            let client = try await test.client()
            try await client.connect("/a")
            client.send(#"2/a,["close"]"#)
            #expect(try await client.rest() == [.text("1/a,"), .text("1"), .end(code: 1000)])
            try await eventually {
                reasons.withLock { $0.sorted() } == ["/ server namespace disconnect", "/a server namespace disconnect"]
            }
        }
    }

    @Test("an unknown namespace is refused in Socket.IO's words, whatever it is asked for with")
    func unknown() async throws {
        try await TestServer.run(define: { $0.namespace("/a", handler: router) }) { test in
            let client = try await PacketClient.open(port: test.port)
            for packet in ["0/admin,", #"0/admin,{"a":1}"#, "0/admin", "0/admin?x=1,"] {
                client.send(packet)
                #expect(try await client.packet() == #"4/admin,{"message":"Invalid namespace"}"#)
            }
            client.send("0")
            #expect(try await client.packet() == #"4{"message":"Invalid namespace"}"#)
            // The query is no part of the name.
            client.send("0/a?token=1,")
            #expect(try await client.packet().hasPrefix(#"0/a,{"sid":""#))
        }
    }

    @Test("a connection is in five namespaces at most; the sixth CONNECT closes it, of which all five hear")
    func limit() async throws {
        let gone = Mutex<[String: DisconnectReason]>([:])
        var router = router
        router.onDisconnect { socket, reason in gone.withLock { $0[socket.namespace.name] = reason } }
        let defined = router
        try await TestServer.run(define: { io in io.namespaces(where: { $0.hasPrefix("/n") }, handler: defined) }) {
            test in
            let client = try await test.client("/n1")
            for number in 2...5 { try await client.connect("/n\(number)") }
            // One that is left makes room for another.
            client.send("1/n5,")
            try await client.connect("/n6")
            client.send("0/n7,")
            #expect(try await client.rest() == [.end(code: 1002)])
            try await eventually { gone.withLock { $0.count } == 6 }
            #expect(gone.withLock { $0["/n5"] } == .clientNamespaceDisconnect)
            #expect(gone.withLock { $0["/n6"] } == .connection(.parseError))
        }
    }

    @Test(
        "a second CONNECT to a namespace that one is in, or is about to be in, closes the connection",
        arguments: ["", "/a,"])
    func twice(prefix: String) async throws {
        let gate = Gate()
        var router = router
        router.use { _, auth in if auth != nil { await gate.wait() } }
        let defined = router
        try await TestServer.run(define: { io in ["/", "/a"].forEach { io.namespace($0, handler: defined) } }) { test in
            defer { gate.open() }
            let connected = try await test.client(prefix.isEmpty ? "/" : "/a")
            connected.send("0" + prefix)
            #expect(try await connected.rest() == [.end(code: 1002)])
            let connecting = try await PacketClient.open(port: test.port)
            connecting.send("0" + prefix + "{}")
            connecting.send("0" + prefix)
            #expect(try await connecting.rest() == [.end(code: 1002)])
            #expect(test.io.counters.sockets.value == 0)
        }
    }

    @Test(
        "an event for a namespace that one is not in closes the connection",
        arguments: [#"2/a,["here"]"#, "1/a,", "3/a,1[]"])
    func notIn(packet: String) async throws {
        try await TestServer.run(define: { io in ["/", "/a"].forEach { io.namespace($0, handler: router) } }) { test in
            let client = try await test.client()
            client.send(packet)
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }

    // MARK: Dynamic namespaces

    @Test("dynamic namespaces come with their first socket, apart from each other; a defined one goes before them")
    func dynamic() async throws {
        var defined = EventRouter()
        defined.on("where") { (_: Socket) async throws -> String in "defined" }
        let fixed = defined
        try await TestServer.run(
            define: { io in
                io.namespaces(where: { $0.hasPrefix("/game-") && $0.count < 20 }, handler: router)
                io.namespaces(where: { $0 == "/game-1" || $0 == "/other" }, handler: fixed)
                io.namespace("/game-0", handler: fixed)
            }
        ) { test in
            let client = try await test.client("/game-0")
            #expect(try await client.call(#"["where"]"#, in: "/game-0").answer == #"["defined"]"#)
            try await client.connect("/other")
            #expect(try await client.call(#"["where"]"#, in: "/other").answer == #"["defined"]"#)
            try await client.connect("/game-1")
            #expect(try await client.call(#"["where"]"#, in: "/game-1").answer == #"["/game-1"]"#)
            let other = try await test.client("/game-2")
            for (client, namespace) in [(client, "/game-1"), (other, "/game-2")] {
                _ = try await client.call(#"["join","r"]"#, in: namespace)
            }
            try await test.io.namespace("/game-2").to("r").emit("news", 1)
            #expect(try await other.packet() == #"2/game-2,["news",1]"#)
            #expect(try await client.heard(in: "/game-1").isEmpty)
            let refused = try await PacketClient.open(port: test.port)
            refused.send("0/game-with-a-long-name,")
            #expect(try await refused.packet() == #"4/game-with-a-long-name,{"message":"Invalid namespace"}"#)
        }
    }

    @Test("a dynamic namespace goes with its last socket, however that goes")
    func comeAndGo() async throws {
        var router = router
        router.use { _, auth in
            switch auth?["be"]?.string {
            case "refused": throw ConnectRefusal(message: "no")
            case "failed": throw CancellationError()
            default: break
            }
        }
        let defined = router
        try await TestServer.run(define: { io in io.namespaces(where: { _ in true }, handler: defined) }) { test in
            for round in 0..<20 {
                let name = "/n\(round)"
                let client = try await test.client(name)
                switch round % 5 {
                case 0: client.send("1\(name),")
                case 1: client.send(#"2\#(name),["kick"]"#)
                case 2: client.send(#"2\#(name),["close"]"#)
                case 3: client.abort()
                default: client.send("2\(name),[")
                }
                let other = try await PacketClient.open(port: test.port)
                other.send(#"0\#(name)-refused,{"be":"refused"}"#)
                #expect(try await other.packet() == #"4\#(name)-refused,{"message":"no"}"#)
                other.send(#"0\#(name)-failed,{"be":"failed"}"#)
                #expect(try await other.rest() == [.end(code: 1000)])
            }
            try await eventually { test.io.counters.sockets.value == 0 }
            for round in 0..<20 {
                for name in ["/n\(round)", "/n\(round)-refused", "/n\(round)-failed"] {
                    let remain = await test.io.core.hubs.gather { $0[name] != nil }
                    #expect(!remain.contains(true), "\(name)")
                }
            }
        }
    }

    @Test("names of namespaces that are too long close the connection")
    func longNames() async throws {
        try await TestServer.run(define: { io in io.namespaces(where: { _ in true }, handler: router) }) { test in
            let name = "/" + String(repeating: "n", count: 127)
            let client = try await test.client(name)
            #expect(try await client.heard(in: name).isEmpty)
            client.send("0\(name)n,")
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }
}
