import EngineIO
import NIOCore
import NIOPosix
import SocketIO
import Testing

@testable import SocketIOClient

@Suite("Socket.IO client", .timeLimit(.minutes(1)))
struct SocketIOClientTests {
    private func connect(
        _ server: ScriptedServer, _ change: (inout SocketIOClient.Configuration) -> Void = { _ in }
    ) async throws -> SocketIOClient {
        var configuration = SocketIOClient.Configuration(url: server.url)
        change(&configuration)
        return try await SocketIOClient.connect(configuration, on: MultiThreadedEventLoopGroup.singleton.next())
    }

    private func error(_ body: () async throws -> Void) async -> SocketIOClientError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? SocketIOClientError
        }
    }

    // MARK: Connecting

    @Test("it asks for the WebSocket, sends auth, and knows its ids and the headers of the 101")
    func handshake() async throws {
        try await ScriptedServer.run { connection in
            let head = try await connection.upgrade(
                headers: ["Set-Cookie: rejoin=abc"], then: [ScriptedConnection.open])
            #expect(head[0] == "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1")
            #expect(head.contains("Cookie: rejoin=xyz"))
            #expect(head.contains("Sec-WebSocket-Version: 13"))
            #expect(head.contains { $0.hasPrefix("Host: 127.0.0.1:") })
            try await connection.expect(#"40{"token":null}"#)
            try await connection.send(#"40{"sid":"s-1"}"#)
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server) {
                $0.headers = [("Cookie", "rejoin=xyz")]
                $0.auth = #"{"token":null}"#
            }
            #expect(client.engineID == "e-1")
            #expect(client.socketID == "s-1")
            #expect(client.handshakeHeaders.contains { $0 == ("Set-Cookie", "rejoin=abc") })
        }
    }

    @Test("a refused upgrade tells status, headers and body")
    func refused() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.head()
            let body = #"{"code":4,"message":"Forbidden"}"#
            try await connection.write(
                ByteBuffer(
                    string:
                        "HTTP/1.1 403 Forbidden\r\nX-Why: origin\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
            try await connection.awaitEnd()
        } _: { server in
            let error = await self.error { _ = try await self.connect(server) }
            #expect(error?.code == .refused)
            #expect(error?.refusal?.status == 403)
            #expect(error?.refusal?.body == #"{"code":4,"message":"Forbidden"}"#)
            #expect(error?.refusal?.headers.contains { $0 == ("X-Why", "origin") } == true)
        }
    }

    @Test("a refused namespace tells the server's JSON")
    func connectError() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect("40/none,")
            try await connection.send(#"44/none,{"message":"Invalid namespace"}"#)
            try await connection.awaitEnd()
        } _: { server in
            let error = await self.error { _ = try await self.connect(server) { $0.namespace = "/none" } }
            #expect(error?.code == .connectError)
            #expect(error?.connectError == #"{"message":"Invalid namespace"}"#)
        }
    }

    @Test("a 101 without the right accept value is no WebSocket")
    func wrongAccept() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.head()
            try await connection.write(
                ByteBuffer(
                    string:
                        "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
                ))
            try await connection.awaitEnd()
        } _: { server in
            #expect(await self.error { _ = try await self.connect(server) }?.code == .protocolViolation)
        }
    }

    @Test("a server that closes, is silent, or is not there: three errors, in time")
    func noConnection() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.head()
        } _: { server in
            #expect(await self.error { _ = try await self.connect(server) }?.code == .connectionFailed)
        }
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade()
            try await connection.awaitEnd()
        } _: { server in
            let error = await self.error {
                _ = try await self.connect(server) { $0.connectTimeout = .milliseconds(50) }
            }
            #expect(error?.code == .connectTimeout)
        }
        let gone = ScriptedServer(url: "http://127.0.0.1:1")
        #expect(await self.error { _ = try await self.connect(gone) }?.code == .connectionFailed)
    }

    @Test(
        "a URL that is none is refused",
        arguments: ["", "https://a", "http://", "http://a:0", "http://a:99999", "a:80"])
    func urls(url: String) async {
        #expect(
            await self.error { _ = try await self.connect(ScriptedServer(url: url)) }?.code == .invalidConfiguration)
    }

    @Test("host and port are found in a URL")
    func endpoints() throws {
        for (url, host, port) in [
            ("http://a:8080", "a", 8080), ("ws://a.b/x?y", "a.b", 80), ("http://[::1]:81/", "::1", 81),
            ("http://[::1]", "::1", 80),
        ] {
            let endpoint = try SocketIOClient.Configuration(url: url).endpoint()
            #expect((endpoint.host, endpoint.port) == (host, port))
        }
    }

    @Test("a cancelled connect ends at once")
    func cancelledConnect() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade()
            try await connection.awaitEnd()
        } _: { server in
            let attempt = Task { try await self.connect(server) { $0.connectTimeout = .seconds(60) } }
            attempt.cancel()
            await #expect(throws: CancellationError.self) { try await attempt.value }
        }
    }

    // MARK: Events

    @Test(
        "events come in order, also those in the segment of the CONNECT answer, and the stream ends with the transport")
    func events() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect("40")
            try await connection.send(
                #"40{"sid":"s-1"}"#, #"42["session",{"login":false}]"#, #"42["empty"]"#,
                #"427["asks", 1 , [2,{"a":"]"}] ]"#,
                #"42["n\u0061me \"ä\"","x"]"#)
            try await connection.expect(#"437[{"ok":true}]"#)
        } _: { server in
            let client = try await self.connect(server)
            var events: [SocketIOEvent] = []
            for await event in client.events {
                events.append(event)
                client.acknowledge(event, #"{"ok":true}"#)
            }
            #expect(events.map(\.name) == ["session", "empty", "asks", "name \"ä\""])
            #expect(events.map(\.argument) == [#"{"login":false}"#, "null", "1", #""x""#])
            #expect(events[2].arguments.map { String(buffer: $0.buffer) } == ["1", #"[2,{"a":"]"}]"#])
            #expect(events.map(\.acknowledgementID) == [nil, nil, 7, nil])
            #expect(try await client.closed.get() == .transportClose(code: 1006, reason: ""))
        }
    }

    @Test("binary events carry their attachments, both ways")
    func binary() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"451-["up",{"_placeholder":true,"num":0}]"#)
            try await connection.expect(.binary(ByteBuffer(bytes: [1, 2])))
            try await connection.write {
                WebSocketFrame.writeText(#"452-["down",{"_placeholder":true,"num":0}]"#, into: &$0)
                WebSocketFrame.writeBinary(ByteBuffer(bytes: [3]), into: &$0)
                WebSocketFrame.writeBinary(ByteBuffer(bytes: [4]), into: &$0)
            }
        } _: { server in
            let client = try await self.connect(server)
            client.emit("up", #"{"_placeholder":true,"num":0}"#, attachments: [ByteBuffer(bytes: [1, 2])])
            var iterator = client.events.makeAsyncIterator()
            let event = await iterator.next()
            #expect(event?.name == "down")
            #expect(event?.attachments == [ByteBuffer(bytes: [3]), ByteBuffer(bytes: [4])])
        }
    }

    @Test("emit sends one event; raw texts and raw bytes go out as they are")
    func raw() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"42["say \"hi\"",{"a":1}]"#)
            try await connection.expect("garbage")
            try await connection.expect(.ping(ByteBuffer()))
        } _: { server in
            let client = try await self.connect(server)
            client.emit("say \"hi\"", #"{"a":1}"#)
            client.sendRaw("garbage")
            client.sendRawBytes([0x89, 0x80, 0, 0, 0, 0])
            _ = try await client.closed.get()
        }
    }

    @Test("events that nobody reads close the connection with overflow")
    func overflow() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.write { frames in
                for _ in 0...SocketIOClient.maximumEvents {
                    WebSocketFrame.writeText(#"42["x"]"#, into: &frames)
                }
            }
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            guard case .overflow = try await client.closed.get() else {
                Issue.record("not an overflow")
                return
            }
        }
    }

    // MARK: Calls

    @Test("calls get the first argument of their own acknowledgement, in whatever order the answers come")
    func calls() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"420["login",{"n":1}]"#)
            try await connection.send(#"4399[1]"#)
            try await connection.send(#"430[ {"ok":true,"a":[1,2]} , 3]"#)
            try await connection.expect(#"421["login",{}]"#)
            try await connection.send("431[]")
        } _: { server in
            let client = try await self.connect(server)
            #expect(try await client.call("login", #"{"n":1}"#) == #"{"ok":true,"a":[1,2]}"#)
            #expect(try await client.call("login", "{}") == "null")
        }
    }

    @Test("a call without an answer ends with its time-out, its task, or the connection")
    func unansweredCalls() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"420["a",1]"#)
            try await connection.expect(#"421["b",1]"#)
            try await connection.send(#"42["seen"]"#)
            try await connection.expect(#"422["c",1]"#)
        } _: { server in
            let client = try await self.connect(server)
            let late = await self.error { _ = try await client.call("a", "1", timeout: .milliseconds(10)) }
            #expect(late?.code == .acknowledgementTimeout)
            let call = Task { try await client.call("b", "1", timeout: .seconds(60)) }
            var events = client.events.makeAsyncIterator()
            _ = await events.next()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(await self.error { _ = try await client.call("c", "1") }?.code == .closed)
            #expect(await self.error { _ = try await client.call("d", "1") }?.code == .closed)
        }
    }

    // MARK: Heartbeat and end

    @Test("pings of Engine.IO and of WebSocket are answered")
    func pings() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.send("2")
            try await connection.expect("3")
            try await connection.write { WebSocketFrame.writePing(ByteBuffer(string: "p"), into: &$0) }
            try await connection.expect(.pong(ByteBuffer(string: "p")))
            try await connection.write { WebSocketFrame.writeClose(code: 1012, reason: "restart", into: &$0) }
            try await connection.expect(.close(code: 1012, reason: ""))
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            #expect(try await client.closed.get() == .transportClose(code: 1012, reason: "restart"))
        }
    }

    @Test("without pings the connection ends with ping timeout")
    func pingTimeout() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept(open: #"0{"sid":"e-1","pingInterval":20,"pingTimeout":10}"#)
            try await connection.send("2")
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            #expect(try await client.closed.get() == .pingTimeout)
        }
    }

    @Test("a server's 41 is a server disconnect, and the client closes the WebSocket")
    func serverDisconnect() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.send("41")
            try await connection.expect(.close(code: 1000, reason: ""))
            try await connection.write { WebSocketFrame.writeClose(code: 1000, into: &$0) }
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            #expect(try await client.closed.get() == .serverDisconnect)
        }
    }

    @Test("close says 41, then closes the WebSocket, and waits for the end")
    func close() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect("41")
            try await connection.expect(.close(code: 1000, reason: ""))
            try await connection.write { WebSocketFrame.writeClose(code: 1000, into: &$0) }
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            await client.close()
            #expect(try await client.closed.get() == .clientDisconnect)
            await client.close()
        }
    }

    @Test("a frame that the standard forbids ends the connection, and the server hears why")
    func violation() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.write(ByteBuffer(bytes: [0xC1, 0]))
            let event = try await connection.event()
            guard case .close(1002, _) = event else { throw ScriptMismatch(expected: "1002", got: "\(event)") }
            try await connection.awaitEnd()
        } _: { server in
            let client = try await self.connect(server)
            guard case .transportError = try await client.closed.get() else {
                Issue.record("not a transport error")
                return
            }
        }
    }

    @Test("a client that nobody refers to closes its connection")
    func dropped() async throws {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.awaitEnd()
            end.finish()
        } _: { server in
            var client: SocketIOClient? = try await self.connect(server)
            #expect(client?.socketID == "s-1")
            client = nil
            for await _ in ends {}
        }
    }
}
