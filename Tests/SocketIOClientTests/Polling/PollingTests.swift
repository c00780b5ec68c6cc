import NIOCore
import SocketIO
import TestSupport
import Testing

@testable import SocketIOClient

@Suite("Long-polling", .timeLimit(.minutes(1)))
struct PollingTests {
    /// Runs a test with a client that is connected to a scripted server.
    private func run(
        _ server: PollingServer, _ change: (inout SocketIOClient.Configuration) -> Void = { _ in },
        _ body: (SocketIOClient) async throws -> Void
    ) async throws {
        try await ScriptedServer.run { connection in
            try await server.serve(&connection)
        } _: { scripted in
            var configuration = SocketIOClient.Configuration(url: scripted.url, reconnection: nil)
            change(&configuration)
            let client = SocketIOClient(configuration)
            server.push(#"40{"sid":"s-1"}"#)
            try await client.main.connected()
            try await body(client)
            client.abort()
            _ = try await client.closed.get()
        }
    }

    @Test("a connection is opened by a GET, kept by GETs, and written to by POSTs")
    func requests() async throws {
        let server = PollingServer()
        try await self.run(server) {
            $0.auth = #"{"a":1}"#
            $0.query = [("b", "c d")]
            $0.headers = [("X-Y", "z")]
        } _: { client in
            #expect(client.engineID == "e-1" && client.socketID == "s-1")
            #expect(try await client.transport() == .polling)
            server.push("42[\"x\",1]\u{1e}451-[\"y\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID")
            var events = client.events.makeAsyncIterator()
            #expect(await events.next()?.argument == "1")
            #expect(try await events.next()?.decode(Binary.self) == Binary([1, 2, 3]))
            client.main.emit(
                "up",
                EventPayload([.placeholder(0), JSONBytes(string: "ä")], attachments: [ByteBuffer(bytes: [4, 5])]))
            try await eventually { server.posted.count == 2 }
            #expect(
                server.posted == [
                    #"40{"a":1}"#, "451-[\"up\",{\"_placeholder\":true,\"num\":0},\"ä\"]\u{1e}bBAU=",
                ])
            let record = server.all
            #expect(record.gets[0][0] == "GET /socket.io/?EIO=4&transport=polling&b=c%20d HTTP/1.1")
            #expect(record.gets[1][0] == "GET /socket.io/?EIO=4&transport=polling&sid=e-1&b=c%20d HTTP/1.1")
            #expect(record.posts[0].head[0] == "POST /socket.io/?EIO=4&transport=polling&sid=e-1&b=c%20d HTTP/1.1")
            #expect(record.posts[0].head.contains("Content-Type: text/plain;charset=UTF-8"))
            #expect(record.gets[0].contains("X-Y: z") && record.posts[0].head.contains("X-Y: z"))
        }
    }

    @Test("a ping is answered, in a POST")
    func ping() async throws {
        let server = PollingServer()
        try await self.run(server) { _ in
        } _: { _ in
            server.push("2")
            try await eventually { server.posted.last == "3" }
        }
    }

    @Test("cookies that answers set are sent again, and those set from outside with them")
    func cookies() async throws {
        let server = PollingServer(headers: [
            ["Set-Cookie: a=1; Path=/", "Set-Cookie: b=2"], ["Set-Cookie: b=; Max-Age=0"],
        ])
        try await self.run(server) {
            $0.headers = [("Cookie", "z=0")]
        } _: { client in
            #expect(client.handshakeHeaders.contains { $0 == ("Set-Cookie", "b=2") })
            #expect(client.cookies == ["z": "0", "a": "1"])
            client.setCookie("c", "3")
            client.emit("x", "1")
            try await eventually { server.posted.count == 2 }
            let record = server.all
            #expect(record.gets[0].contains("Cookie: z=0"))
            #expect(record.gets[1].contains("Cookie: z=0; a=1; b=2"))
            #expect(record.posts[1].head.contains("Cookie: z=0; a=1; c=3"))
        }
    }

    @Test("packets of one turn leave in one POST, as long as the server's maxPayload allows")
    func batches() async throws {
        let server = PollingServer(maximumPayload: 30)
        try await self.run(server) { _ in
        } _: { client in
            client.eventLoop.execute {
                for number in 0..<5 { client.emit("e", "\(number)") }
                client.emit("e", #""a text that is longer than a payload""#)
            }
            try await eventually { server.posted.joined().contains("longer") }
            #expect(server.posted.dropFirst().dropLast().allSatisfy { $0.utf8.count <= 30 })
            #expect(
                server.posted.dropFirst().joined(separator: "\u{1e}").split(separator: "\u{1e}").dropLast()
                    == (0..<5).map { "42[\"e\",\($0)]" }[...])
            #expect(server.posted[1] == "42[\"e\",0]\u{1e}42[\"e\",1]\u{1e}42[\"e\",2]")
        }
    }

    @Test("an HTTP error in place of the handshake tells status and body; in place of a poll it ends the connection")
    func refusals() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.request()
            try await connection.answer(#"{"code":4}"#, status: "403 Forbidden")
            try await connection.awaitEnd()
        } _: { scripted in
            let error = await #expect(throws: SocketIOClientError.self) {
                try await SocketIOClient.connect(.init(url: scripted.url), over: [.polling])
            }
            #expect(error?.code == .refused)
            #expect(error?.refusal?.status == 403)
            #expect(error?.refusal?.body == #"{"code":4}"#)
        }
        try await ScriptedServer.run { connection in
            let (head, _) = try await connection.request()
            guard head[0].hasPrefix("GET") else { return try await connection.answer("ok") }
            try await connection.answer(ScriptedConnection.open)
            _ = try await connection.request()
            try await connection.answer(#"40{"sid":"s-1"}"#)
            _ = try await connection.request()
            try await connection.answer(#"{"code":1}"#, status: "400 Bad Request")
            try await connection.awaitEnd()
        } _: { scripted in
            let client = try await SocketIOClient.connect(.init(url: scripted.url), over: [.polling])
            let reason = try await client.closed.get()
            #expect(reason.reason == "transport error")
        }
    }

    @Test("a payload that is none, and a close packet, end the connection")
    func ends() async throws {
        let malformed = PollingServer()
        try await self.run(malformed) { _ in
        } _: { client in
            malformed.push("\u{1e}")
            let reason = try await client.closed.get()
            #expect(reason.reason == "transport error")
        }
        let closing = PollingServer()
        try await self.run(closing) { _ in
        } _: { client in
            closing.push("42[\"last\"]\u{1e}1")
            var events = client.events.makeAsyncIterator()
            #expect(await events.next()?.name == "last")
            #expect(await events.next() == nil)
            let reason = try await client.closed.get()
            #expect(reason.reason == "transport close")
        }
    }

    @Test("close leaves the namespace and closes the connection with what was sent before, in one POST")
    func close() async throws {
        let server = PollingServer()
        try await self.run(server) { _ in
        } _: { client in
            client.emit("last", "1")
            await client.close()
            #expect(server.posted.dropFirst() == ["42[\"last\",1]\u{1e}41\u{1e}1"])
            let reason = try await client.closed.get()
            #expect(reason == .clientDisconnect)
        }
    }

    @Test("a connection goes on over WebSocket: probed, when the last poll is answered, and without a packet lost")
    func upgrade() async throws {
        let server = PollingServer(upgrades: #"["websocket"]"#)
        try await self.run(server) {
            $0.headers = [("Cookie", "a=1")]
        } _: { client in
            try await eventually { try await client.transport() == .websocket }
            #expect(try await client.call("over", "1") == #""websocket""#)
            let record = server.all
            #expect(record.upgrades[0][0] == "GET /socket.io/?EIO=4&transport=websocket&sid=e-1 HTTP/1.1")
            #expect(record.upgrades[0].contains("Cookie: a=1"))
            #expect(record.frames == ["2probe", "5", #"420["over",1]"#])
            #expect(record.posts.map(\.body) == ["40"])
            #expect(!record.isPolling)
        }
    }

    @Test("without the upgrade, or with servers that have none, long-polling stays")
    func noUpgrade() async throws {
        let server = PollingServer(upgrades: #"["websocket"]"#)
        try await self.run(server) {
            $0.upgrade = false
        } _: { client in
            client.emit("x", "1")
            try await eventually { server.posted.count == 2 }
            #expect(server.all.upgrades.isEmpty)
        }
    }

    @Test("a probe that is answered wrongly leaves long-polling as it was")
    func badProbe() async throws {
        let server = PollingServer(upgrades: #"["websocket"]"#, probeAnswer: "3wrong")
        try await self.run(server) { _ in
        } _: { client in
            try await eventually { server.all.frames == ["2probe"] }
            client.emit("x", "1")
            try await eventually { server.posted.last == #"42["x",1]"# }
            server.push(#"42["y"]"#)
            var events = client.events.makeAsyncIterator()
            #expect(await events.next()?.name == "y")
            #expect(try await client.transport() == .polling)
        }
    }
}
