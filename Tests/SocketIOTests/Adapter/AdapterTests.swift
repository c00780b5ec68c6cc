import EngineIO
import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite struct AdapterTests {
    private var router: EventRouter {
        var router = EventRouter.rooms
        router.use { socket, auth in socket.data = auth }
        return router
    }

    @Test("a broadcast reaches the sockets of all servers, a local one those of its own")
    func broadcasts() async throws {
        try await LinkedServers.run(router) { servers in
            let clients = [try await servers.first.client(), try await servers.second.client()]
            for client in clients { _ = try await client.call(#"["join","r"]"#) }
            let here = servers.first.io.namespace("/")
            try await here.to("r").emit("news", 1, Binary([1, 2]))
            for client in clients {
                #expect(
                    try await client.heard()
                        == [.text(#"51-["news",1,{"_placeholder":true,"num":0}]"#), .binary([1, 2])])
            }
            try await here.to("r").local.emit("news", 2)
            try await here.all.volatile.emit("news", 3)
            #expect(try await clients[0].heard() == [.text(#"2["news",2]"#), .text(#"2["news",3]"#)])
            #expect(try await clients[1].heard() == [.text(#"2["news",3]"#)])
        }
    }

    @Test("sockets of another server are left out by their ids, fetched, moved and disconnected as those of one's own")
    func remoteSockets() async throws {
        try await LinkedServers.run(router) { servers in
            let (near, nearID) = try await PacketClient.connect(port: servers.first.port, auth: #"{"at":1}"#)
            let (far, farID) = try await PacketClient.connect(port: servers.second.port, auth: #"{"at":2}"#)
            let here = servers.first.io.namespace("/")
            try await here.all.except(farID).emit("news", 1)
            try await here.to(farID).emit("news", 2)
            #expect(try await near.heard() == [.text(#"2["news",1]"#)])
            #expect(try await far.heard() == [.text(#"2["news",2]"#)])

            let fetched = try await here.all.fetchSockets().sorted {
                ($0.data?["at"]?.int ?? 0) < ($1.data?["at"]?.int ?? 0)
            }
            #expect(fetched.map(\.id.string) == [nearID, farID])
            #expect(fetched.map(\.data) == [try JSONBytes(encoding: ["at": 1]), try JSONBytes(encoding: ["at": 2])])
            #expect(try await here.local.fetchSockets().map(\.id.string) == [nearID])

            try await here.to(farID).socketsJoin("r")
            #expect(try await far.call(#"["here"]"#).answer == #"[["r"]]"#)
            #expect(try await here.to("r").fetchSockets().map(\.rooms) == [["r", farID]])
            try await here.all.local.socketsLeave("r")
            #expect(try await far.call(#"["here"]"#).answer == #"[["r"]]"#)
            try await here.all.socketsLeave("r")
            #expect(try await far.call(#"["here"]"#).answer == "[[]]")
            try await here.to(farID).disconnectSockets(closing: true)
            #expect(try await far.rest() == [.text("1"), .end(code: 1000)])
            #expect(try await near.heard().isEmpty)
        }
    }

    @Test("acknowledgements are gathered from all servers; one that does not answer makes them incomplete")
    func acknowledgements() async throws {
        try await LinkedServers.run(router) { servers in
            let clients = [try await servers.first.client(), try await servers.second.client()]
            let here = servers.first.io.namespace("/")
            async let answers = here.all.timeout(.seconds(5)).emitWithAck("question")
            for (number, client) in clients.enumerated() {
                let packet = try await client.packet()
                #expect(packet.hasSuffix(#"["question"]"#))
                client.send("3\(packet.dropFirst().prefix { $0.isNumber })[\(number)]")
            }
            let all = try await answers
            #expect(Set(all.payloads.flatMap(\.arguments)) == [JSONBytes(integer: 0), JSONBytes(integer: 1)])
            #expect(all.missing == 0 && !all.isIncomplete)

            async let local = here.local.timeout(.seconds(5)).emitWithAck("question")
            let packet = try await clients[0].packet()
            clients[0].send("3\(packet.dropFirst().prefix { $0.isNumber })[5]")
            #expect(try await local.payloads == [EventPayload([JSONBytes(integer: 5)])])
            #expect(try await clients[1].heard().isEmpty)

            servers.link.silence("second")
            async let some = here.all.timeout(.milliseconds(100)).emitWithAck("question")
            let incomplete = try await some
            #expect(incomplete.payloads.isEmpty && incomplete.missing == 1 && incomplete.isIncomplete)
        }
    }

    @Test("who asks for all sockets hears that a server did not answer, and which")
    func missingServer() async throws {
        try await LinkedServers.run(router) { servers in
            servers.link.silence("second")
            let here = servers.first.io.namespace("/")
            let error = await #expect(throws: AdapterError.self) { try await here.all.fetchSockets() }
            #expect(error?.code == .missing && error?.message.contains("second") == true)
            let local = try await here.local.fetchSockets()
            #expect(local.isEmpty)
        }
    }

    @Test("a link that is down is an error for whoever speaks to all, and nothing to who speaks to the sockets here")
    func down() async throws {
        try await LinkedServers.run(router) { servers in
            let client = try await servers.first.client()
            let here = servers.first.io.namespace("/")
            servers.link.takeDown()
            await #expect(throws: AdapterError.self) { try await here.all.emit("news", 1) }
            await #expect(throws: AdapterError.self) { try await here.all.emitWithAck("news") }
            await #expect(throws: AdapterError.self) { try await here.all.socketsJoin("r") }
            await #expect(throws: AdapterError.self) { try await here.serverSideEmit("news") }
            try await here.local.emit("news", 2)
            #expect(try await client.heard() == [.text(#"2["news",2]"#)])
        }
    }

    @Test("servers speak to each other: the others hear it, with or without an answer, and the speaker does not")
    func serverSide() async throws {
        let heard = Mutex<[String]>([])
        func router(_ name: String) -> EventRouter {
            var router = self.router
            router.onServerEvent("hello") { payload in
                heard.withLock { $0.append("\(name) \(payload.arguments.map { String(buffer: $0.buffer) })") }
                return EventPayload([JSONBytes(string: name)] + payload.arguments, attachments: payload.attachments)
            }
            return router
        }
        try await LinkedServers.run(router) { servers in
            let client = try await servers.second.client()
            let here = servers.first.io.namespace("/")
            try await here.serverSideEmit("hello", try .encoding(1, "two"))
            #expect(heard.withLock { $0 } == [#"second ["1", "\"two\""]"#])
            let payload = try EventPayload.encoding(Binary([1, 2]))
            let answers = try await here.serverSideEmitWithAck("hello", payload)
            #expect(
                answers == [
                    EventPayload([JSONBytes(string: "second"), .placeholder(0)], attachments: payload.attachments)
                ])
            #expect(try await here.serverSideEmitWithAck("unheard-of") == [EventPayload()])
            // A namespace that nobody has defined.
            #expect(try await servers.first.io.namespace("/none").serverSideEmitWithAck("hello").isEmpty)
            // Clients do not hear it, and cannot say it.
            client.send(#"2["hello",1]"#)
            #expect(try await client.heard().isEmpty)
            #expect(heard.withLock { $0.count } == 2)
            servers.link.silence("second")
            let error = await #expect(throws: AdapterError.self) { try await here.serverSideEmitWithAck("hello") }
            #expect(error?.code == .missing)
        }
    }
}
