import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite struct AcknowledgementTests {
    /// Asks its client when it is told to, for so many milliseconds, and answers what came of it.
    private func asking(_ outcome: OutcomeRecorder) -> EventRouter {
        var router = EventRouter.rooms
        router.on("ask") { (socket: Socket, milliseconds: Int) async throws in
            do throws(AcknowledgementError) {
                let payload = try await socket.emitWithAck(
                    "question", EventPayload([.null]), timeout: .milliseconds(milliseconds))
                outcome.add(
                    payload.arguments.map { String(buffer: $0.buffer) }.joined(separator: ",")
                        + payload.attachments.map { " \(Array($0.readableBytesView))" }.joined())
            } catch {
                outcome.add("\(error)")
            }
        }
        return router
    }

    @Test("a client's acknowledgement is awaited with all its arguments, binary ones too")
    func answers() async throws {
        let outcome = OutcomeRecorder()
        try await TestServer.run(asking(outcome)) { test in
            let client = try await test.client()
            client.send(#"2["ask",60000]"#)
            #expect(try await client.packet() == #"21["question",null]"#)
            client.send(#"31[1,"two",{"three":3}]"#)
            try await eventually { outcome.all.count == 1 }
            client.send(#"2["ask",60000]"#)
            #expect(try await client.packet() == #"22["question",null]"#)
            client.send(#"62-2[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#)
            client.send([1, 2])
            client.send([])
            try await eventually { outcome.all.count == 2 }
            client.send(#"2["ask",60000]"#)
            #expect(try await client.packet() == #"23["question",null]"#)
            client.send("33[]")
            try await eventually { outcome.all.count == 3 }
            #expect(
                outcome.all == [
                    #"1,"two",{"three":3}"#,
                    #"{"_placeholder":true,"num":1},{"_placeholder":true,"num":0} [1, 2] []"#, "",
                ])
        }
    }

    @Test("an acknowledgement is decoded; one that is not what is expected is a decoding error")
    func decoded() async throws {
        let outcome = OutcomeRecorder()
        var router = EventRouter.rooms
        router.on("ask") { (socket: Socket) async throws in
            do {
                let answer = try await socket.emitWithAck(
                    "sum", [1, 2], "three", timeout: .seconds(60), as: [String: Int].self)
                outcome.add("\(answer)")
            } catch is DecodingError {
                outcome.add("no dictionary")
            }
        }
        try await TestServer.run(router) { test in
            let client = try await test.client()
            for (number, answer) in [#"[{"sum":6}]"#, "[6]", "[]"].enumerated() {
                client.send(#"2["ask"]"#)
                #expect(try await client.packet() == #"2\#(number + 1)["sum",[1,2],"three"]"#)
                client.send("3\(number + 1)\(answer)")
                try await eventually { outcome.all.count == number + 1 }
            }
            #expect(outcome.all == [#"["sum": 6]"#, "no dictionary", "no dictionary"])
        }
    }

    @Test("one that does not come is a time-out; one that comes too late, or twice, or unasked, is ignored")
    func timeout() async throws {
        let outcome = OutcomeRecorder()
        try await TestServer.run(asking(outcome)) { test in
            let client = try await test.client()
            client.send(#"2["ask",1]"#)
            #expect(try await client.packet() == #"21["question",null]"#)
            try await eventually { outcome.all == ["timeout"] }
            client.send("31[1]")
            client.send(#"3999[1]"#)
            client.send(#"39007199254740992[1]"#)
            #expect(try await client.heard().isEmpty)
            #expect(outcome.all == ["timeout"])
        }
    }

    @Test("when the socket goes, whoever waits for it hears so", arguments: ["1", "abort"])
    func disconnected(end: String) async throws {
        let outcome = OutcomeRecorder()
        try await TestServer.run(asking(outcome)) { test in
            let client = try await test.client()
            client.send(#"2["ask",60000]"#)
            _ = try await client.packet()
            if end == "abort" { client.abort() } else { client.send(end) }
            try await eventually { outcome.all == ["disconnected"] }
        }
    }

    @Test(
        "an acknowledgement id over 2^53, or none at all, closes the connection",
        arguments: ["3100000000000000000000[]", "3[]"])
    func wrongID(packet: String) async throws {
        try await TestServer.run(EventRouter()) { test in
            let client = try await test.client()
            client.send(packet)
            #expect(try await client.rest() == [.end(code: 1002)])
        }
    }

    @Test("answers of a socket that another connection gives are not taken for its own")
    func foreignAnswers() async throws {
        let outcome = OutcomeRecorder()
        try await TestServer.run(asking(outcome)) { test in
            let (client, thief) = (try await test.client(), try await test.client())
            client.send(#"2["ask",60000]"#)
            #expect(try await client.packet() == #"21["question",null]"#)
            thief.send(#"31["stolen"]"#)
            #expect(try await thief.heard().isEmpty)
            client.send(#"31["own"]"#)
            try await eventually { outcome.all == [#""own""#] }
        }
    }

    @Test("a socket's broadcast that is to be acknowledged gathers the answers of the others, and counts the missing")
    func broadcast() async throws {
        try await TestServer.run(EventRouter.rooms) { test in
            let clients = [
                try await test.client(), try await test.client(), try await test.client(), try await test.client(),
            ]
            for client in clients { _ = try await client.call(#"["join","r"]"#) }
            let outsider = try await test.client()
            async let answers = test.io.namespace("/").to("r").timeout(.milliseconds(300)).emitWithAck(
                "question", try .encoding(Binary([9])))
            for (number, client) in clients.enumerated() {
                let packet = try await client.packet()
                #expect(packet.hasPrefix("51-") && packet.hasSuffix(#"["question",{"_placeholder":true,"num":0}]"#))
                #expect(try await client.next() == .binary([9]))
                let id = packet.dropFirst(3).prefix { $0.isNumber }
                switch number {
                case 0: client.send("3\(id)[0]")
                case 1:
                    client.send(#"61-\#(id)[{"_placeholder":true,"num":0}]"#)
                    client.send([7])
                case 2: client.abort()
                default: break  // never answers
                }
            }
            let gathered = try await answers
            #expect(gathered.missing == 2 && !gathered.isIncomplete)
            #expect(
                Set(
                    gathered.payloads.map {
                        "\($0.arguments.count) \($0.attachments.map { Array($0.readableBytesView) })"
                    })
                    == ["1 []", "1 [[7]]"])
            #expect(try await outsider.heard().isEmpty)
        }
    }

    @Test("a broadcast that nobody hears is answered at once, by nobody")
    func emptyBroadcast() async throws {
        try await TestServer.run(EventRouter.rooms) { test in
            let answers = try await test.io.namespace("/").to("nowhere").timeout(.seconds(60)).emitWithAck("question")
            #expect(answers.payloads.isEmpty && answers.missing == 0 && !answers.isIncomplete)
        }
    }
}

/// What came of something, told from any thread.
final class OutcomeRecorder: Sendable {
    private let outcomes = Mutex<[String]>([])

    var all: [String] { outcomes.withLock { $0 } }

    func add(_ outcome: String) {
        outcomes.withLock { $0.append(outcome) }
    }
}
