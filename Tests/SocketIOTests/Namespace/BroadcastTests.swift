import EngineIO
import NIOCore
import SocketIO
import TestSupport
import Testing

@Suite struct BroadcastTests {
    private var router: EventRouter {
        var router = EventRouter.rooms
        router.use { socket, auth in socket.data = auth }
        router.on("others") { (socket: Socket) async throws in try await socket.broadcast.emit("said", "others") }
        router.on("to") { (socket: Socket, rooms: [String]) async throws in
            try await socket.to(rooms).emit("said", rooms)
        }
        router.on("volatile") { (socket: Socket, bytes: Int) async throws in
            socket.emit("big", EventPayload([JSONBytes(string: String(repeating: "x", count: bytes))]))
            socket.emit("small", EventPayload(), isVolatile: true)
        }
        return router
    }

    /// Four clients: A in rooms a and ab, B in b and ab, C in c, D nowhere.
    private func four(_ test: TestServer) async throws -> [(client: PacketClient, id: String)] {
        var clients: [(client: PacketClient, id: String)] = []
        for rooms in [["a", "ab"], ["b", "ab"], ["c"], []] {
            let (client, id) = try await PacketClient.connect(port: test.port)
            for room in rooms { _ = try await client.call(#"["join","\#(room)"]"#) }
            clients.append((client, id))
        }
        return clients
    }

    /// Who of them has heard exactly one event with this name, and nothing else; the others nothing at all.
    private func hearers(
        _ clients: [(client: PacketClient, id: String)], _ packet: String
    ) async throws -> String {
        var hearers = ""
        for (name, entry) in zip("ABCD", clients) {
            let heard = try await entry.client.heard()
            if heard == [.text(packet)] {
                hearers.append(name)
            } else if !heard.isEmpty {
                hearers += "\(name): \(heard)"
            }
        }
        return hearers
    }

    @Test("a broadcast reaches everybody in one of its rooms once, and nobody in one that is left out")
    func targets() async throws {
        try await TestServer.run(router) { test in
            let clients = try await four(test)
            let namespace = test.io.namespace("/")
            let cases: [(BroadcastOperator, String)] = [
                (namespace.all, "ABCD"), (namespace.to("a"), "A"), (namespace.to("ab"), "AB"),
                (namespace.to("a", "ab", "c"), "ABC"), (namespace.to("a").to("b"), "AB"), (namespace.to("nowhere"), ""),
                (namespace.except("ab"), "CD"), (namespace.all.except("a", "c"), "BD"),
                (namespace.to("ab").except("b"), "A"), (namespace.to("ab").except("ab"), ""),
                // A socket's own id is a room, to be reached by and to be left out by.
                (namespace.to(clients[3].id), "D"), (namespace.to(clients[0].id, "ab"), "AB"),
                (namespace.all.except(clients[1].id), "ACD"), (namespace.to("ab").except(clients[1].id, "c"), "A"),
                (namespace.local, "ABCD"), (namespace.to("ab").local, "AB"), (namespace.all.volatile, "ABCD"),
                (namespace.to("c").volatile.local, "C"),
                // Rooms that are known only when the program runs; no rooms narrow nothing.
                (namespace.to(["a", "c"]), "AC"), (namespace.to("a").to(["c"]), "AC"), (namespace.to([]), "ABCD"),
                (namespace.to("a").to([]), "A"), (namespace.except(["a", "c"]), "BD"),
                (namespace.to("ab").except(["b"]), "A"), (namespace.volatile, "ABCD"), (test.io.sockets.all, "ABCD"),
            ]
            for (number, (targets, expected)) in cases.enumerated() {
                try await targets.emit("news", number)
                #expect(try await hearers(clients, #"2["news",\#(number)]"#) == expected, "case \(number)")
            }
        }
    }

    @Test("everybody is told, asked, listed and disconnected by the namespace itself")
    func everybody() async throws {
        try await TestServer.run(router) { test in
            let clients = try await four(test)
            let namespace = test.io.sockets
            try await namespace.emit("news", 1, "two")
            #expect(try await hearers(clients, #"2["news",1,"two"]"#) == "ABCD")
            #expect(Set(try await namespace.fetchSockets().map(\.id.string)) == Set(clients.map(\.id)))
            let none = try await namespace.timeout(.milliseconds(1)).emitWithAck("question")
            #expect(none.payloads.isEmpty && none.missing == 4)
            try await namespace.disconnectSockets()
            try await eventually { test.io.counters.sockets.value == 0 }
        }
    }

    @Test("what a socket says to others it does not hear itself, even when it is in the room")
    func fromSocket() async throws {
        try await TestServer.run(router) { test in
            let clients = try await four(test)
            _ = try await clients[0].client.call(#"["others"]"#)
            #expect(try await hearers(clients, #"2["said","others"]"#) == "BCD")
            _ = try await clients[0].client.call(#"["to",["ab","c"]]"#)
            #expect(try await hearers(clients, #"2["said",["ab","c"]]"#) == "BC")
            // To one by its id, as private messages are.
            _ = try await clients[0].client.call(#"["to",["\#(clients[3].id)"]]"#)
            #expect(try await hearers(clients, #"2["said",["\#(clients[3].id)"]]"#) == "D")
        }
    }

    @Test("somebody who joins the room that is named as another's id hears what is for that one, who hears it once")
    func roomOfAnId() async throws {
        try await TestServer.run(router) { test in
            let clients = try await four(test)
            for index in [0, 1] { _ = try await clients[index].client.call(#"["join","\#(clients[0].id)"]"#) }
            try await test.io.namespace("/").to(clients[0].id).emit("news", 1)
            #expect(try await hearers(clients, #"2["news",1]"#) == "AB")
            _ = try await clients[0].client.call(#"["leave","\#(clients[0].id)"]"#)
            try await test.io.namespace("/").to(clients[0].id).emit("news", 2)
            #expect(try await hearers(clients, #"2["news",2]"#) == "AB")
        }
    }

    @Test("sockets are fetched with their rooms and what is known of them, and made to join, leave and go")
    func remoteSockets() async throws {
        try await TestServer.run(router) { test in
            let namespace = test.io.namespace("/")
            let (ada, adaID) = try await PacketClient.connect(port: test.port, auth: #"{"name":"Ada"}"#)
            let (bob, bobID) = try await PacketClient.connect(port: test.port)
            _ = try await ada.call(#"["join","a"]"#)
            let sockets = try await namespace.all.fetchSockets()
            let fetched = Dictionary(uniqueKeysWithValues: sockets.map { ($0.id.string, $0) })
            #expect(fetched.count == 2)
            #expect(fetched[adaID]?.rooms == ["a", adaID] && fetched[adaID]?.data?["name"]?.string == "Ada")
            #expect(fetched[bobID]?.rooms == [bobID] && fetched[bobID]?.data == nil)
            #expect(try await namespace.to("a").fetchSockets().map(\.id.string) == [adaID])
            #expect(try await namespace.except("a").local.fetchSockets().map(\.id.string) == [bobID])

            try await namespace.to(bobID).socketsJoin("b", "c")
            try await namespace.all.socketsJoin("all")
            #expect(try await ada.call(#"["here"]"#).answer == #"[["a","all"]]"#)
            #expect(try await bob.call(#"["here"]"#).answer == #"[["all","b","c"]]"#)
            try await namespace.to("c").socketsLeave("b", "all", "never joined")
            #expect(try await bob.call(#"["here"]"#).answer == #"[["c"]]"#)

            try await namespace.to("c").disconnectSockets()
            #expect(try await bob.packet() == "1")
            try await bob.connect()
            #expect(try await ada.heard().isEmpty)
            try await namespace.to("a").disconnectSockets(closing: true)
            #expect(try await ada.rest() == [.text("1"), .end(code: 1000)])
            #expect(try await bob.heard().isEmpty)
            #expect(test.io.counters.sockets.value == 1)
        }
    }

    @Test("everything is sent in the order it was said in, by whatever road")
    func order() async throws {
        try await TestServer.run(router) { test in
            let client = try await test.client()
            _ = try await client.call(#"["join","r"]"#)
            let namespace = test.io.namespace("/")
            for number in 0..<200 {
                switch number % 3 {
                case 0: try await namespace.to("r").emit("n", number)
                case 1: try await namespace.all.emit("n", number)
                default: try await namespace.local.emit("n", number)
                }
            }
            #expect(try await client.heard() == (0..<200).map { .text(#"2["n",\#($0)]"#) })
        }
    }

    @Test("volatile events are left out for who does not read, and only they")
    func volatile() async throws {
        try await TestServer.run(router) { test in
            let (slow, fast) = (try await test.client(), try await test.client())
            for client in [slow, fast] { _ = try await client.call(#"["join","r"]"#) }
            try await slow.reads(false)
            let namespace = test.io.namespace("/")
            let filling = try EventPayload.encoding(String(repeating: "x", count: 60_000))
            // More than the kernel's buffers and the server's queue take.
            var sent = 0
            for number in 0..<400 {
                try await namespace.to("r").volatile.emit("filling", filling)
                try await namespace.to("r").volatile.emit("number", number)
                sent += 2
                // As fast as the other one reads, so that nothing is left out for it.
                for _ in 0..<2 { _ = try await fast.packet() }
            }
            try await namespace.to("r").emit("end")
            #expect(try await fast.packet() == #"2["end"]"#)
            try await slow.reads(true)
            var heard = 0
            while true {
                if try await slow.packet() == #"2["end"]"# { break }
                heard += 1
            }
            #expect(heard > 0 && heard < sent)
            // It keeps up again.
            try await namespace.to("r").volatile.emit("again")
            #expect(try await slow.packet() == #"2["again"]"#)
        }
    }

    @Test("a volatile event to one socket is left out while more waits for it than is allowed")
    func volatileToOne() async throws {
        try await TestServer.run(router) { test in
            let client = try await test.client()
            #expect(try await client.call(#"["volatile",1]"#).before.count == 2)
            try await client.reads(false)
            // At once, so that the loop cannot have written it by the time the small one is sent.
            client.send(#"21["volatile",2000000]"#)
            try await client.reads(true)
            #expect(try await client.packet().hasPrefix(#"2["big""#))
            #expect(try await client.packet() == "31[]")
        }
    }
}
