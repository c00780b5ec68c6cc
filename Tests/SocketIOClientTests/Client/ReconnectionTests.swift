import EngineIO
import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@testable import SocketIOClient

@Suite("Coming back", .timeLimit(.minutes(1)))
struct ReconnectionTests {
    /// A clock that does not wait, and remembers how long it should have.
    private final class Pauses: Sendable {
        private let list = Mutex<[Duration]>([])

        var all: [Duration] { self.list.withLock { $0 } }

        func reconnection(attempts: Int? = nil) -> SocketIOClient.Reconnection {
            .init(attempts: attempts, random: { 0.5 }) { loop, pause, action in
                self.list.withLock { $0.append(pause) }
                return loop.scheduleTask(in: .zero, action)
            }
        }
    }

    /// Numbers the connections of a server.
    private final class Count: Sendable {
        private let number = Atomic<Int>(0)

        func next() -> Int { self.number.wrappingAdd(1, ordering: .relaxed).newValue }
        var now: Int { self.number.load(ordering: .relaxed) }
    }

    private func configuration(
        _ server: ScriptedServer, _ pauses: Pauses, attempts: Int? = nil
    ) -> SocketIOClient.Configuration {
        .init(url: server.url, transports: [.websocket], reconnection: pauses.reconnection(attempts: attempts))
    }

    /// The next state of a kind, in words.
    private func words(_ state: SocketIOState?) -> String {
        switch state {
        case .connected(let id, let recovered): "connected \(id)" + (recovered ? " recovered" : "")
        case .disconnected(let reason, let comesBack): reason.reason + (comesBack ? ", comes back" : "")
        case .connectFailed(let error, let comesBack): "\(error.code)" + (comesBack ? ", comes back" : "")
        case .waiting(let attempt, let pause): "waiting \(attempt) \(pause)"
        case nil: "end"
        }
    }

    @Test("a lost connection is followed by attempts with growing pauses, and auth is asked for at each of them")
    func attempts() async throws {
        let count = Count()
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            let number = count.next()
            if number == 2 || number == 3 { return }
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect(number == 1 ? #"40{"token":1}"# : #"40{"token":2}"#)
            try await connection.send(#"40{"sid":"s-\#(number)"}"#)
            if number == 1 { return }
            try await connection.awaitEnd()
        } _: { server in
            let tokens = Count()
            let client = SocketIOClient(
                self.configuration(server, pauses),
                auth: .each { try JSONBytes(validating: ByteBuffer(string: #"{"token":\#(tokens.next())}"#)) })
            var states: [String] = []
            for await state in client.main.states {
                states.append(self.words(state))
                if case .connected("s-4", _) = state { break }
            }
            #expect(
                states == [
                    "connected s-1", "transport close, comes back", "waiting 1 1.0 seconds",
                    "connectionFailed, comes back", "waiting 2 2.0 seconds", "connectionFailed, comes back",
                    "waiting 3 4.0 seconds", "connected s-4",
                ])
            #expect(pauses.all == [.seconds(1), .seconds(2), .seconds(4)])
            client.abort()
            let reason = try await client.closed.get()
            #expect(reason == .clientDisconnect)
        }
    }

    @Test("it does not come back after the server's DISCONNECT, until it is told to")
    func serverDisconnect() async throws {
        let count = Count()
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            let number = count.next()
            try await connection.accept()
            if number == 1 { try await connection.send("41") }
            if number == 2 { try await connection.expect("41") }
            try await connection.expect(.close(code: 1000, reason: ""))
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses))
            var states = client.main.states.makeAsyncIterator()
            #expect(self.words(await states.next()) == "connected s-1")
            #expect(self.words(await states.next()) == "io server disconnect")
            #expect(!client.main.isConnected && client.socketID == "s-1")
            await #expect(throws: SocketIOClientError.self) { try await client.call("x", "1") }
            await #expect(throws: SocketIOClientError.self) { try await client.main.connected() }
            try await eventually { try await client.transport() == nil }
            #expect(pauses.all.isEmpty && count.now == 1)
            client.main.connect()
            try await client.main.connected()
            #expect(count.now == 2)
            client.main.disconnect()
            #expect(self.words(await states.next()) == "connected s-1")
            #expect(self.words(await states.next()) == "io client disconnect")
            await client.close()
            #expect(self.words(await states.next()) == "end")
            #expect(pauses.all.isEmpty && count.now == 2)
        }
    }

    @Test("what is emitted while disconnected is sent after the connection, in order; what is too much is not")
    func buffered() async throws {
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect("40")
            try await connection.send(#"42["too early"]"#, #"40{"sid":"s-1"}"#)
            try await connection.expect(#"42["a",1]"#)
            try await connection.expect(#"451-["b",{"_placeholder":true,"num":0}]"#)
            try await connection.expect(.binary(ByteBuffer(bytes: [7])))
            try await connection.expect(#"420["c"]"#)
            try await connection.send(#"430["answer"]"#)
            try await connection.expect(#"42["after",1]"#)
            try await connection.awaitEnd()
        } _: { server in
            var configuration = self.configuration(server, pauses)
            configuration.maximumBufferedEmits = 3
            let client = SocketIOClient(configuration)
            // Before there can be a connection, but for the last.
            try client.main.emit("a", 1)
            client.main.emit("b", EventPayload([.placeholder(0)], attachments: [ByteBuffer(bytes: [7])]))
            client.main.emit("never", EventPayload(), isVolatile: true)
            async let called: String = client.main.call("c")
            try await client.main.connected()
            #expect(try await called == "answer")
            try client.main.emit("after", 1)
            #expect(client.main.droppedEmits == 0)
            client.abort()
        }
    }

    @Test("beyond its limit the buffer drops emits, counts them, and fails calls")
    func bufferLimit() async throws {
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            try await connection.awaitEnd()
        } _: { server in
            var configuration = self.configuration(server, pauses)
            configuration.maximumBufferedEmits = 2
            let client = SocketIOClient(configuration)
            for _ in 0..<5 { try client.main.emit("a") }
            let error = await #expect(throws: SocketIOClientError.self) { try await client.call("b", "1") }
            #expect(error?.code == .bufferFull)
            #expect(client.main.droppedEmits == 3)
            await client.close()
        }
    }

    @Test("a call that was sent fails when the connection ends; one that waits is sent later")
    func calls() async throws {
        let count = Count()
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            let number = count.next()
            try await connection.accept()
            if number == 1 { return try await connection.expect(#"420["lost",1]"#) }
            try await connection.expect(#"421["kept",1]"#)
            try await connection.send("431[2]")
            try await connection.awaitEnd()
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses))
            try await client.main.connected()
            let error = await #expect(throws: SocketIOClientError.self) { try await client.call("lost", "1") }
            #expect(error?.code == .closed)
            #expect(try await client.call("kept", "1") == "2")
            client.abort()
        }
    }

    @Test("after the attempts it may make, the client is closed for good")
    func giveUp() async throws {
        let pauses = Pauses()
        try await ScriptedServer.run { _ in
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses, attempts: 2))
            let error = await #expect(throws: SocketIOClientError.self) { try await client.main.connected() }
            #expect(error?.code == .connectionFailed)
            let reason = try await client.closed.get()
            #expect(reason.reason == "transport error")
            #expect(pauses.all == [.seconds(1), .seconds(2)])
            #expect(await client.main.events.first { _ in true } == nil)
        }
    }

    @Test("a refused namespace tells the server's data, and the others stay")
    func refusal() async throws {
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"40/secret,{"key":1}"#)
            try await connection.send(#"44/secret,{"message":"no","data":{"why":2}}"#)
            try await connection.expect(#"420["still",1]"#)
            try await connection.send("430[3]")
            try await connection.awaitEnd()
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses))
            try await client.main.connected()
            let secret = client.socket("/secret", auth: .json(try JSONBytes(encoding: ["key": 1])))
            let error = await #expect(throws: SocketIOClientError.self) { try await secret.connected() }
            #expect(error?.code == .connectError)
            #expect(error?.data?["why"]?.int == 2)
            #expect(try await client.call("still", "1") == "3")
            #expect(client.socket("/secret") === secret)
            client.abort()
        }
    }

    @Test("pid and the last offset go into the next CONNECT, and a recovered socket knows that it is")
    func recovery() async throws {
        let count = Count()
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            let number = count.next()
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            switch number {
            case 1:
                try await connection.expect(#"40{"a":1}"#)
                try await connection.send(#"40{"sid":"s-1","pid":"p-1"}"#, #"42["x",1,"o-1"]"#, #"42["y","o-2"]"#)
                try await connection.send(#"425["asks","text"]"#, #"42["z",{}]"#)
                try await connection.expect(#"435[1]"#)
            case 2:
                try await connection.expect(#"40{"pid":"p-1","offset":"o-2","a":1}"#)
                try await connection.send(#"40{"sid":"s-1","pid":"p-1"}"#, #"42["missed","o-3"]"#)
                try await connection.expect(#"42["seen"]"#)
            default:
                try await connection.expect(#"40{"pid":"p-1","offset":"o-3","a":1}"#)
                try await connection.send(#"40{"sid":"s-3","pid":"p-3"}"#, #"42["new"]"#)
                try await connection.awaitEnd()
            }
        } _: { server in
            var configuration = self.configuration(server, pauses)
            configuration.auth = #"{"a":1}"#
            let client = SocketIOClient(configuration)
            var seen: [String] = []
            for await event in client.events {
                let arguments = event.arguments.map { String(buffer: $0.buffer) }.joined(separator: " ")
                seen.append("\(event.name) \(arguments) \(event.offset ?? "-")")
                if event.name == "asks" { try client.main.acknowledge(event, 1) }
                if event.name == "missed" {
                    #expect(client.main.isRecovered)
                    try client.main.emit("seen")
                }
                if event.name == "new" { break }
            }
            #expect(
                seen == ["x 1 o-1", "y  o-2", #"asks "text" -"#, "z {} -", "missed  o-3", "new  -"])
            #expect(!client.main.isRecovered && client.main.id == "s-3")
            client.abort()
        }
    }

    @Test("handlers take the events of their names, the stream has the others")
    func handlers() async throws {
        let pauses = Pauses()
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect(#"42["go"]"#)
            try await connection.send(#"429["ask",[1,2]]"#, #"42["other"]"#)
            try await connection.expect(#"439[[1,2]]"#)
            try await connection.awaitEnd()
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses))
            let main = client.main
            main.on("ask") { event in main.acknowledge(event, event.payload) }
            try main.emit("go")
            #expect(await main.events.first { _ in true }?.name == "other")
            main.on("ask", nil)
            await client.close()
        }
    }

    @Test("a client that is closed right after its last socket left still says goodbye")
    func goodbye() async throws {
        let pauses = Pauses()
        let goodbyes = Count()
        try await ScriptedServer.run { connection in
            try await connection.accept()
            try await connection.expect("41")
            try await connection.expect(.close(code: 1000, reason: ""))
            _ = goodbyes.next()
            try await connection.write { WebSocketFrame.writeClose(code: 1000, into: &$0) }
        } _: { server in
            let client = SocketIOClient(self.configuration(server, pauses))
            try await client.main.connected()
            client.main.disconnect()
            await client.close()
            #expect(goodbyes.now == 1)
        }
    }
}
