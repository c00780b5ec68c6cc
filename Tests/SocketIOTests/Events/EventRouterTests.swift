import EngineIO
import Logging
import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite struct EventRouterTests {
    struct Point: Codable, Equatable {
        var x: Int
        var y: Double
        var label: String?
    }

    struct Picture: Codable {
        var name: String
        var pixels: Binary
        var thumbnails: [Binary]
    }

    struct SecretFailure: Error, CustomStringConvertible {
        var description: String { "the password is swordfish" }
    }

    private func router(logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        -> EventRouter
    {
        var router = EventRouter(logger: logger)
        router.on("move") { (_: Socket, by: Point, times: Int, names: [String]) async throws -> Point in
            Point(x: by.x * times, y: by.y * Double(times), label: names.joined(separator: "+"))
        }
        router.on("optional") { (_: Socket, number: Int?, text: String?) async throws -> [String] in
            [number.map { "\($0)" } ?? "none", text ?? "none"]
        }
        router.on("flip") { (_: Socket, picture: Picture) async throws -> Picture in
            Picture(
                name: picture.name + "!", pixels: Binary(picture.pixels.bytes.readableBytesView.reversed()),
                thumbnails: picture.thumbnails.reversed())
        }
        router.on("nothing") { (_: Socket) async throws in }
        router.on("refused") { (_: Socket) async throws -> Int in throw EventFailure("too_late", "the game is over") }
        router.on("broken") { (_: Socket) async throws -> Int in throw SecretFailure() }
        router.onRaw("raw") { _, event in try event.payload() }
        router.onRaw("parses") { _, _ in
            _ = try JSONBytes(validating: ByteBuffer(string: "{"))
            return nil
        }
        return router
    }

    @Test(
        "arguments are decoded, and what a handler returns is the acknowledgement",
        arguments: [
            (#"["move",{"x":2,"y":0.5,"label":"ignored"},3,["a","b"]]"#, #"[{"label":"a+b","x":6,"y":1.5}]"#),
            (#"["optional"]"#, #"[["none","none"]]"#),
            (#"["optional",1]"#, #"[["1","none"]]"#),
            (#"["optional",null,"two","too","many"]"#, #"[["none","two"]]"#),
            (#"["optional",1e3]"#, #"[["1000","none"]]"#),
            (#"["nothing",1,2]"#, "[]"),
            (#"["raw",1,{"b":[null]},"\u00e9"]"#, #"[1,{"b":[null]},"\u00e9"]"#),
            (#"["raw"]"#, "[]"),
        ])
    func typed(sent: String, answered: String) async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            let answer = try await client.call(sent).answer
            // The order of members is the encoder's own.
            #expect(try isEquivalent(answer, answered))
        }
    }

    @Test(
        "arguments that are not what is expected are a bad request, which names the event and nothing else",
        arguments: [
            #"["move"]"#, #"["move",{"x":1},1,[]]"#, #"["move",{"x":1,"y":1},"3",[]]"#,
            #"["move",{"x":1.5,"y":1},3,[]]"#,
            #"["move",{"x":1,"y":1},3,[4]]"#, #"["move",null,3,[]]"#, #"["move",{"x":1,"y":1},1e300,[]]"#,
        ])
    func badRequests(sent: String) async throws {
        try await TestServer.run(router()) { test in
            let answer = try await test.client().call(sent).answer
            #expect(
                answer
                    == #"[{"ok":false,"error":"bad_request","message":"move: its arguments are not what is expected"}]"#
            )
        }
    }

    @Test("what is wrong about arguments is in the log: the path to it, and not what is there")
    func badRequestLog() async throws {
        let log = LogRecorder()
        try await TestServer.run(router(logger: Logger(label: "test", factory: { _ in log }))) { test in
            let client = try await test.client()
            for sent in [#"["move",{"x":"swordfish","y":1},3,[]]"#, #"["move",{"x":1},3,[]]"#] {
                _ = try await client.call(sent)
            }
            _ = try await client.call(#"["move",{"x":1,"y":1},3,["a",4]]"#)
        }
        #expect(log.lines.map { $0.metadata["path"] } == ["x", "y", "1"])
        #expect(log.lines.allSatisfy { $0.metadata["event"] == "move" && !"\($0)".contains("swordfish") })
    }

    @Test("binary values inside of structures travel both ways")
    func binaryStructures() async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            client.send(
                #"53-9["flip",{"name":"cat","pixels":{"_placeholder":true,"num":2},"#
                    + #""thumbnails":[{"_placeholder":true,"num":0},{"num":1,"_placeholder":true}]}]"#)
            for bytes in [[1], [], [3, 4, 5]] as [[UInt8]] { client.send(bytes) }
            let answer = try await client.packet()
            #expect(answer.hasPrefix("63-9["))
            let json = try JSONBytes(validating: ByteBuffer(string: String(answer.dropFirst(4))))
            let picture = try #require(json.elements()?.first)
            #expect(picture["name"]?.string == "cat!")
            let attachments = [try await client.next(), try await client.next(), try await client.next()]
            let placeholders = [picture["pixels"]] + (picture["thumbnails"]?.elements() ?? [])
            let messages = placeholders.map { $0?["num"]?.int.map { attachments[$0] } }
            #expect(messages == [.binary([5, 4, 3]), .binary([]), .binary([1])])
        }
    }

    @Test("a value where bytes are expected, also one that looks like a placeholder, is a bad request")
    func noBinary() async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            for value in ["7", "null", #"{"_placeholder":true,"num":0}"#, #"{"_placeholder":false,"num":0}"#] {
                let answer = try await client.call(#"["flip",{"name":"cat","pixels":\#(value),"thumbnails":[]}]"#)
                    .answer
                #expect(answer.contains(#""error":"bad_request""#))
            }
        }
    }

    @Test("a failure that a handler names is answered as it is")
    func failures() async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            #expect(
                try await client.call(#"["refused"]"#).answer
                    == #"[{"ok":false,"error":"too_late","message":"the game is over"}]"#)
            // Nobody asked for an answer: there is none, and the socket lives on.
            client.send(#"2["refused"]"#)
            #expect(try await client.call(#"["raw",1]"#) == ([], "[1]"))
        }
    }

    @Test("what else a handler throws is internal: an id that is in the log, and no details")
    func internalFailures() async throws {
        let log = LogRecorder()
        try await TestServer.run(router(logger: Logger(label: "test", factory: { _ in log }))) { test in
            let client = try await test.client()
            let answer = try await client.call(#"["broken"]"#).answer
            #expect(
                answer.hasPrefix(#"[{"ok":false,"error":"internal","message":"the server failed; it is in its log as "#)
            )
            #expect(!answer.contains("swordfish"))
            let id = try #require(answer.split(separator: " ").last?.split(separator: "\"").first)
            #expect(id.utf8.count == 22)
            // Whoever asks for no answer is in the log too.
            client.send(#"2["broken"]"#)
            #expect(try await client.call(#"["raw",1]"#) == ([], "[1]"))
            let lines = log.lines
            #expect(lines.count == 2)
            #expect(lines.first?.message == "a handler failed")
            #expect(lines.first?.metadata["id"] == "\(id)")
            #expect(lines.first?.metadata["event"] == "broken")
            #expect(lines.first?.metadata["error"] == "the password is swordfish")
        }
    }

    @Test("what is no JSON behind an event's name closes the connection, once somebody reads it")
    func brokenArguments() async throws {
        for text in [#"2["raw",1e400]"#, #"2["raw","\ud800"]"#, #"2["move",}]"#, #"2["parses"]"#, #"2["raw",1"#] {
            try await TestServer.run(router()) { test in
                let client = try await test.client()
                client.send(text)
                #expect(try await client.rest() == [.end(code: 1002)], "\(text)")
            }
        }
    }

    @Test(
        "an event whose name is none, or is Socket.IO's own, closes the connection",
        arguments: [
            "2[]", "2[1]", "2[null]", #"2[["raw"]]"#, #"2{"a":1}"#, "2", #"2"raw""#, "2[\"\\ud800\"]", #"2["raw""#,
            #"2["connect"]"#, #"2["connect_error"]"#, #"2["disconnect"]"#, #"2["disconnecting"]"#,
            #"2["newListener"]"#, #"2["removeListener"]"#, #"50-["disconnect"]"#, #"2["dis\u0063onnect"]"#,
            #"2100000000000000000000["raw"]"#, #"4{"message":"no"}"#,
        ])
    func wrongNames(packet: String) async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            client.send(packet)
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }

    @Test("arrays nested 33 deep close the connection, 32 deep do not")
    func nesting() async throws {
        try await TestServer.run(router()) { test in
            let client = try await test.client()
            let deep = String(repeating: "[", count: 31) + String(repeating: "]", count: 31)
            #expect(try await client.call(#"["raw",\#(deep)]"#).answer == "[\(deep)]")
            client.send(#"2["raw",[\#(deep)]]"#)
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }

    @Test("events without a handler are ignored, or go to the one for all others; every event is seen first")
    func catchAll() async throws {
        let seen = Mutex<[String]>([])
        var router = router()
        router.onAny { _, event in seen.withLock { $0.append("any " + event.name) } }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            client.send(#"2["unheard-of",1]"#)
            client.send(#"25["unheard-of"]"#)
            #expect(try await client.call(#"["raw",1]"#) == ([], "[1]"))
        }
        #expect(seen.withLock { $0 } == ["any unheard-of", "any unheard-of", "any raw"])
        router.onOther { _, event in
            EventPayload([JSONBytes(string: event.name)] + (try event.arguments()))
        }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            #expect(try await client.call(#"["unheard-of",1]"#).answer == #"["unheard-of",1]"#)
            #expect(try await client.call(#"["raw",1]"#).answer == "[1]")
        }
    }

    @Test("a socket is seen to come, and to go: first while it is in its rooms, then when it is not")
    func comingAndGoing() async throws {
        let seen = Mutex<[String]>([])
        var router = EventRouter.rooms
        router.onConnection { socket in seen.withLock { $0.append("connected \(socket.isConnected)") } }
        router.onDisconnecting { socket, reason in
            seen.withLock { $0.append("disconnecting \(socket.rooms.sorted()) \(reason.text)") }
            // It is about to go already: nothing more happens.
            socket.disconnect()
            socket.disconnectAndClose()
        }
        router.onDisconnect { socket, reason in
            seen.withLock { $0.append("disconnected \(socket.rooms.sorted()) \(reason.text)") }
        }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            _ = try await client.call(#"["join","a"]"#)
            _ = try await client.call(#"["join","b"]"#)
            client.send("1")
            try await eventually { test.io.counters.sockets.value == 0 }
            client.abort()
            try await eventually { test.io.engine.counters.connections.value == 0 }
        }
        #expect(
            seen.withLock { $0 } == [
                "connected true", #"disconnecting ["a", "b"] client namespace disconnect"#,
                "disconnected [] client namespace disconnect",
            ])
    }
}

func isEquivalent(_ one: String, _ other: String) throws -> Bool {
    try JSONBytes(validating: ByteBuffer(string: one)).isEquivalent(
        to: try JSONBytes(validating: ByteBuffer(string: other)))
}

/// Keeps what is logged.
struct LogRecorder: LogHandler {
    struct Line {
        let message: String
        let metadata: [String: String]
    }

    private final class Storage: Sendable {
        let lines = Mutex<[Line]>([])
    }

    private let storage = Storage()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    var lines: [Line] { storage.lines.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let line = Line(message: "\(event.message)", metadata: (event.metadata ?? [:]).mapValues { "\($0)" })
        storage.lines.withLock { $0.append(line) }
    }
}
