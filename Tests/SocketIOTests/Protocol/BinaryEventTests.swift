import EngineIO
import NIOCore
import SocketIO
import TestSupport
import Testing

@Suite struct BinaryEventTests {
    private var echo: EventRouter {
        var router = EventRouter.rooms
        router.onRaw("echo") { socket, event in
            socket.emit("echoed", try event.payload())
            return try event.payload()
        }
        router.onRaw("share") { socket, event in
            try await socket.namespace.to("r").emit("shared", try event.payload())
            return EventPayload()
        }
        return router
    }

    @Test("several attachments of an event come in order, and go in order")
    func several() async throws {
        try await TestServer.run(echo) { test in
            let client = try await test.client()
            let arguments =
                #"{"_placeholder":true,"num":1},[{"a":{"_placeholder":true,"num":0}}],{"_placeholder":true,"num":2}"#
            let attachments: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 0xff, count: 60_000)]
            client.send(#"53-4["echo",\#(arguments)]"#)
            attachments.forEach(client.send)
            for packet in [#"53-["echoed",\#(arguments)]"#, "63-4[\(arguments)]"] {
                #expect(try await client.packet() == packet)
                for attachment in attachments { #expect(try await client.next() == .binary(attachment)) }
            }
        }
    }

    @Test("ten attachments are taken")
    func ten() async throws {
        try await TestServer.run(echo) { test in
            let client = try await test.client()
            let arguments = (0..<10).map { #"{"_placeholder":true,"num":\#($0)}"# }.joined(separator: ",")
            client.send(#"510-["echo",\#(arguments)]"#)
            for number in 0..<10 { client.send([UInt8(number)]) }
            #expect(try await client.packet() == #"510-["echoed",\#(arguments)]"#)
            for number in 0..<10 { #expect(try await client.next() == .binary([UInt8(number)])) }
        }
    }

    @Test("a binary broadcast reaches everybody whole, with nothing between its packet and its attachments")
    func broadcast() async throws {
        try await TestServer.run(echo) { test in
            let clients = [try await test.client(), try await test.client(), try await test.client()]
            for client in clients { _ = try await client.call(#"["join","r"]"#) }
            for round in 0..<10 {
                for (number, client) in clients.enumerated() {
                    client.send(#"52-["share",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
                    client.send([UInt8(round), UInt8(number)])
                    client.send([UInt8(number)])
                }
                for client in clients {
                    var heard: Set<UInt8> = []
                    for _ in clients {
                        #expect(
                            try await client.packet()
                                == #"52-["shared",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
                        guard case .binary(let first) = try await client.next() else {
                            throw PacketClientError(said: "text")
                        }
                        #expect(first.first == UInt8(round))
                        #expect(try await client.next() == .binary(Array(first.dropFirst())))
                        heard.formUnion(first.dropFirst())
                    }
                    #expect(heard == [0, 1, 2])
                }
            }
        }
    }

    @Test("a binary packet without attachments is an event like any other, and does not poison the next")
    func none() async throws {
        try await TestServer.run(echo) { test in
            let client = try await test.client()
            client.send(#"50-["echo",1]"#)
            #expect(try await client.packet() == #"2["echoed",1]"#)
            #expect(try await client.call(#"["echo",2]"#) == ([.text(#"2["echoed",2]"#)], "[2]"))
            client.send("60-1[]")  // an acknowledgement that nobody asked for
            client.send(#"51-["echo",{"_placeholder":true,"num":0}]"#)
            client.send([5])
            #expect(try await client.packet() == #"51-["echoed",{"_placeholder":true,"num":0}]"#)
            #expect(try await client.next() == .binary([5]))
        }
    }

    @Test(
        "a header that is none, or asks for more attachments than are allowed, closes the connection",
        arguments: [
            "5-[]", #"5-["echo"]"#, #"5["echo"]"#, #"511-["echo"]"#, #"599999999999999999999-["echo"]"#, "51-", "5",
            "6",
            #"5-1-["echo",{"_placeholder":true,"num":0}]"#,
            #"511-["echo",\#((0..<11).map { #"{"_placeholder":true,"num":\#($0)}"# }.joined(separator: ","))]"#,
        ])
    func headers(packet: String) async throws {
        try await closes(after: [.text(packet)])
    }

    @Test(
        "a placeholder that stands for no attachment, or for one that another stands for, closes the connection",
        arguments: [
            #"{"_placeholder":true,"num":-1}"#, #"{"_placeholder":true,"num":1.5}"#,
            #"{"_placeholder":true,"num":1e9}"#,
            #"{"_placeholder":true,"num":"0"}"#, #"{"_placeholder":true}"#, #"{"_placeholder":true,"num":1}"#,
            #"{"_placeholder":true,"num":null}"#, #"{"_placeholder":true,"num":0,"num":0}"#, "1", #"{"num":0}"#,
            #"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#, #"{"_placeholder":false,"num":0}"#,
        ])
    func placeholders(arguments: String) async throws {
        try await closes(after: [.text(#"51-["echo",\#(arguments)]"#)])
    }

    @Test("what is out of place among attachments closes the connection")
    func outOfPlace() async throws {
        let event = PacketClient.Message.text(
            #"52-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        try await closes(after: [event, .text(#"2["echo"]"#)])
        try await closes(after: [event, .binary([1]), .text("1")])
        try await closes(after: [event, .binary([1]), event])
        try await closes(after: [.binary([1])])
        // One more than was announced.
        let one = PacketClient.Message.text(#"51-["unheard-of",{"_placeholder":true,"num":0}]"#)
        try await closes(after: [one, .binary([1]), .binary([2])])
    }

    @Test("attachments that never come hold nothing when the connection ends")
    func unfinished() async throws {
        try await TestServer.run(echo) { test in
            let client = try await test.client()
            client.send(#"52-["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            client.send([1])
            client.abort()
            try await eventually { test.io.engine.counters.connections.value == 0 }
            #expect(test.io.counters.sockets.value == 0)
        }
    }

    private func closes(after messages: [PacketClient.Message]) async throws {
        try await TestServer.run(echo) { test in
            let (client, neighbour) = (try await test.client(), try await test.client())
            for message in messages {
                switch message {
                case .text(let text): client.send(text)
                case .binary(let bytes): client.send(bytes)
                case .end: client.abort()
                }
            }
            #expect(try await client.rest() == [.end(code: 1002)], "\(messages)")
            #expect(try await neighbour.heard().isEmpty)
        }
    }
}
