import EngineIO
import NIOCore
import SocketIO
import SocketIOClient
import TestSupport
import Testing

@Suite struct SocketIOServerTests {
    @Test("a client connects, is acknowledged, and leaves no trace")
    func echo() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            #expect(client.engineID.hasPrefix("node.") && client.socketID.utf8.count == 22)
            #expect(try await client.call("any", #"{"a":[1]}"#) == #"{"a":[1]}"#)
            #expect(echo.server.counters.sockets.value == 1)
            await client.close()
            try await eventually { echo.handler.recorder.all.disconnected == [.clientNamespaceDisconnect] }
            try await eventually { echo.server.engine.counters.connections.value == 0 }
            #expect(echo.server.counters.sockets.value == 0)
        }
    }

    @Test("a refused CONNECT says why and may be tried again; one to come back for closes the transport")
    func refusals() async throws {
        try await EchoServer.run { echo in
            await #expect(throws: SocketIOClientError.self) { try await echo.client(auth: #"{"be":"refused"}"#) }
            await #expect(throws: SocketIOClientError.self) { try await echo.client(auth: #"{"be":"retry"}"#) }
            await #expect(throws: SocketIOClientError.self) { try await echo.client(namespace: "/admin") }
            #expect(echo.handler.recorder.all.connected == 0)
            try await eventually { echo.server.engine.counters.connections.value == 0 }
            #expect(echo.handler.recorder.all.disconnected.isEmpty)
        }
    }

    @Test("after a DISCONNECT the same connection may CONNECT again")
    func reconnect() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            client.sendRaw("41")
            try await eventually { echo.handler.recorder.all.disconnected == [.clientNamespaceDisconnect] }
            client.sendRaw("40")
            try await eventually { echo.handler.recorder.all.connected == 2 }
            #expect(try await client.call("any", "1") == "1")
            #expect(echo.server.engine.counters.connections.value == 1)
        }
    }

    @Test("a connection that CONNECTs again and again is closed")
    func connectFlood() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            for round in 1..<64 {
                client.sendRaw("41")
                try await eventually { echo.handler.recorder.all.disconnected.count == round }
                client.sendRaw("40")
                try await eventually { echo.handler.recorder.all.connected == round + 1 }
            }
            client.sendRaw("41")
            client.sendRaw("40")
            #expect(try await client.closed.get() == .transportClose(code: 1002, reason: ""))
        }
    }

    @Test(
        "what breaks the protocol closes the connection",
        arguments: [
            "40", "40{}", "42", "42[]", "42[1]", #"42["connect"]"#, "451-[\"a\",{\"_placeholder\":true,\"num\":1}]",
            "4",
            "49", #"42/admin,["a"]"#, "43[1]", "44{}", "431x", "4291[\"a\"", "42100000000000000000000[\"a\"]",
        ])
    func violations(text: String) async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            client.sendRaw(text)
            #expect(try await client.closed.get() == .transportClose(code: 1002, reason: ""))
            // The server's side may hear of it after the client's.
            try await eventually { !echo.handler.recorder.all.disconnected.isEmpty }
            #expect(echo.handler.recorder.all.disconnected == [.connection(.parseError)])
        }
    }

    @Test("a binary message, and an event before CONNECT, close the connection")
    func outOfPlace() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            client.sendRawBinary(ByteBuffer(bytes: [1, 2, 3]))
            #expect(try await client.closed.get() == .transportClose(code: 1002, reason: ""))
            let early = try await echo.client()
            early.sendRaw("41")
            early.sendRaw(#"42["a"]"#)
            #expect(try await early.closed.get() == .transportClose(code: 1002, reason: ""))
        }
    }

    @Test("unknown namespaces are refused by name; a scan of them is closed")
    func namespaces() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            for number in 1...5 { client.sendRaw("40/n\(number),{}") }
            #expect(try await client.call("any", "1") == "1")
            client.sendRaw("40/n6,{}")
            #expect(try await client.closed.get() == .transportClose(code: 1002, reason: ""))
        }
    }

    @Test("a socket's events are handled in order, while another socket's handler waits")
    func order() async throws {
        try await EchoServer.run { echo in
            let (first, second) = (try await echo.client(), try await echo.client())
            first.emit("wait", "null")
            for number in 0..<20 { first.emit("e\(number)", "null") }
            first.emit("unwanted", "null")
            #expect(try await second.call("other", "2") == "2")
            // The handlers of two sockets begin in any order.
            try await eventually { echo.handler.recorder.all.events.sorted() == ["other", "wait"] }
            echo.handler.gate.open()
            try await eventually { echo.handler.recorder.all.events.count == 22 }
            #expect(echo.handler.recorder.all.events.filter { $0.hasPrefix("e") } == (0..<20).map { "e\($0)" })
        }
    }

    @Test("one event more than a mailbox holds closes its socket, and only that")
    func mailboxLimit() async throws {
        var configuration = SocketIOConfiguration()
        configuration.mailboxLimit = 8
        try await EchoServer.run(configuration) { echo in
            let (flooder, other) = (try await echo.client(), try await echo.client())
            flooder.emit("wait", "null")
            for _ in 0..<9 { flooder.emit("more", "null") }
            #expect(try await flooder.closed.get() == .transportClose(code: 1000, reason: ""))
            #expect(try await other.call("any", "1") == "1")
            try await eventually { !echo.handler.recorder.all.disconnected.isEmpty }
            #expect(echo.handler.recorder.all.disconnected == [.connection(.forcedClose)])
            echo.handler.gate.open()
            try await eventually { echo.handler.recorder.all.running == 0 }
            #expect(!echo.handler.recorder.all.events.contains("more"))
        }
    }

    @Test("a server asks a client: the answer comes, comes too late, or the socket is gone")
    func requests() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            client.emit("ask", "5000")
            for await event in client.events where event.name == "question" {
                client.acknowledge(event, #"{"yes":true}"#)
                break
            }
            try await eventually { echo.handler.recorder.all.answers == [#"{"yes":true}"#] }
            client.emit("ask", "1")
            try await eventually { echo.handler.recorder.all.answers == [#"{"yes":true}"#, nil] }
            client.sendRaw("4399[1]")  // nobody asked
            client.emit("ask", "60000")
            try await eventually { echo.handler.recorder.all.running == 1 }
            client.abort()
            try await eventually { echo.handler.recorder.all.answers == [#"{"yes":true}"#, nil, nil] }
        }
    }

    @Test("a broadcast reaches a room on every event loop, but for the one left out")
    func rooms() async throws {
        try await EchoServer.run { echo in
            var clients: [SocketIOClient] = []
            for number in 0..<6 {
                let client = try await echo.client()
                clients.append(client)
                if number < 4 { _ = try await client.call("join", #""here""#) }
            }
            _ = try await clients[3].call("leave", #""here""#)
            let message = EncodedMessage(event: "news", argument: ByteBuffer(string: "1"))
            echo.sockets.broadcastVolatile(message, to: "here", except: SocketID(clients[0].socketID))
            echo.sockets.broadcast(EncodedMessage(event: "end", argument: ByteBuffer(string: "2")))
            for (number, client) in clients.enumerated() {
                var names: [String] = []
                for await event in client.events {
                    names.append(event.name)
                    if event.name == "end" { break }
                }
                #expect(names == (number == 1 || number == 2 ? ["welcome", "news", "end"] : ["welcome", "end"]))
            }
        }
    }

    @Test("a socket that a handler disconnects is told; one whose transport is dropped may come back")
    func disconnects() async throws {
        try await EchoServer.run { echo in
            let kicked = try await echo.client()
            kicked.emit("kick", "null")
            #expect(try await kicked.closed.get() == .serverDisconnect)
            try await eventually { echo.handler.recorder.all.disconnected.count == 1 }
            let dropped = try await echo.client()
            dropped.emit("drop", "null")
            #expect(try await dropped.closed.get() == .transportClose(code: 1000, reason: ""))
            try await eventually { echo.handler.recorder.all.disconnected.count == 2 }
            #expect(
                echo.handler.recorder.all.disconnected == [.serverNamespaceDisconnect, .connection(.forcedClose)])
        }
    }

    @Test("a client that is gone while its CONNECT is decided is never connected")
    func goneWhileConnecting() async throws {
        try await EchoServer.run { echo in
            let client = try await echo.client()
            client.sendRaw("41")
            client.sendRaw(#"40{"be":"slow"}"#)
            try await eventually { echo.handler.recorder.all.disconnected.count == 1 }
            client.abort()
            try await eventually { echo.server.engine.counters.connections.value == 0 }
            echo.handler.gate.open()
            let next = try await echo.client()
            #expect(try await next.call("any", "1") == "1")
            #expect(echo.handler.recorder.all.connected == 2)
            #expect(echo.server.counters.sockets.value == 1)
        }
    }

    @Test("a connection without a CONNECT is closed in time, also after a DISCONNECT")
    func connectTimeout() async throws {
        var configuration = SocketIOConfiguration()
        configuration.connectTimeout = .milliseconds(100)
        try await EchoServer.run(configuration) { echo in
            let client = try await echo.client()
            client.sendRaw("41")
            #expect(try await client.closed.get() == .transportClose(code: 1000, reason: ""))
        }
    }

    @Test("a message over the limit is a 1009; the others notice nothing")
    func payloadLimit() async throws {
        try await EchoServer.run { echo in
            let (big, other) = (try await echo.client(), try await echo.client())
            big.sendRaw(#"42["a",""# + String(repeating: "x", count: 65_536) + #""]"#)
            guard case .transportClose(code: 1009, _) = try await big.closed.get() else {
                Issue.record("expected 1009")
                return
            }
            #expect(try await other.call("any", "1") == "1")
        }
    }

    @Test("a drain closes every connection, and nobody's handler is left behind")
    func drain() async throws {
        try await EchoServer.run { echo in
            var clients: [SocketIOClient] = []
            for _ in 0..<50 { clients.append(try await echo.client()) }
            await echo.server.engine.drain(within: .milliseconds(200))
            for client in clients { _ = try await client.closed.get() }
            #expect(echo.server.engine.counters.connections.value == 0)
            #expect(echo.server.counters.sockets.value == 0)
            #expect(echo.handler.recorder.all.disconnected.count == 50)
        }
    }
}
