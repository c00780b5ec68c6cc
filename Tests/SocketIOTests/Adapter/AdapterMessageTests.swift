import EngineIO
import NIOCore
import SocketIO
import TestSupport
import Testing

@Suite struct AdapterMessageTests {
    @Test(
        "a message between servers that does not say what it should does nothing",
        arguments: [
            "{}", "[]", "null", "1", #"{"from":"x","nsp":"/"}"#, #"{"nsp":"/","op":"close"}"#,
            #"{"from":"x","op":"close"}"#, #"{"from":"x","nsp":"/none","op":"close"}"#,
            #"{"from":"x","nsp":"/","op":"Close"}"#, #"{"from":1,"nsp":"/","op":"close"}"#,
            #"{"from":"x","nsp":"/","op":"close","rooms":"all"}"#, #"{"from":"x","nsp":"/","op":"close","rooms":[1]}"#,
            #"{"from":"x","nsp":"/","op":"close","except":{}}"#, #"{"from":"x","nsp":"/","op":"join"}"#,
            #"{"from":"x","nsp":"/","op":"join","names":[null]}"#, #"{"from":"x","nsp":"/","op":"emit"}"#,
            #"{"from":"x","nsp":"/","op":"emit","packet":{}}"#, #"{"from":"x","nsp":"/","op":"emit","packet":[]}"#,
            #"{"from":"x","nsp":"/","op":"emit","packet":[1]}"#,
            #"{"from":"x","nsp":"/","op":"emit","packet":[["a"]]}"#,
            #"{"from":"x","nsp":"/","op":"emit","packet":["a"],"attachments":["!"]}"#,
            #"{"from":"x","nsp":"/","op":"emit","packet":["a"],"attachments":["AA=="]}"#,
            #"{"from":"x","nsp":"/","op":"volatile","packet":["a",{"_placeholder":true,"num":1}],"attachments":["AA=="]}"#,
            #"{"from":"x","nsp":"/","op":"ack","packet":["a"]}"#,
            #"{"from":"x","nsp":"/","op":"ack","packet":["a"],"timeout":-1}"#,
            #"{"from":"x","nsp":"/","op":"ack","packet":["a"],"timeout":9007199254740993}"#,
            #"{"from":"x","nsp":"/","op":"server","name":"a"}"#,
            #"{"from":"x","nsp":"/","op":"server","name":"a","payload":{"args":1}}"#,
        ])
    func malformed(message: String) async throws {
        try await LinkedServers.run(.rooms) { servers in
            let client = try await servers.first.client()
            let json = try JSONBytes(validating: ByteBuffer(string: message))
            #expect(await servers.link.perform(json, on: "first") == .null)
            #expect(try await client.call(#"["here"]"#) == ([], "[[]]"))
        }
    }

    @Test("answers of other servers that are none count for nothing")
    func malformedAnswers() async throws {
        for answer in [
            "null", "{}", "[]", "7", #"{"payloads":[],"missing":-1}"#,
            #"{"payloads":[],"missing":9223372036854775807}"#,
            #"{"payloads":[{"args":1}],"missing":0}"#, #"[{"id":1,"rooms":[]},{"id":"a","rooms":[1]},null]"#,
        ] {
            let json = try JSONBytes(validating: ByteBuffer(string: answer))
            try await TestServer.run(.rooms, adapter: AnsweringAdapter(answers: [json, json])) { test in
                let namespace = test.io.namespace("/")
                let answers = try await namespace.all.emitWithAck("question")
                #expect(answers.payloads.isEmpty && answers.missing == 0, "\(answer)")
                #expect(try await namespace.all.fetchSockets().isEmpty)
                #expect(try await namespace.serverSideEmitWithAck("a").isEmpty)
            }
        }
    }

    @Test("20,000 mutations of all that servers say to each other harm nobody")
    func mutations() async throws {
        try await LinkedServers.run(.rooms) { servers in
            let here = servers.first.io.namespace("/")
            let bytes = try EventPayload.encoding(Binary([1, 2, 3]), "text", [1.5])
            try await here.to("a", "b").except("c").emit("news", bytes)
            try await here.all.volatile.emit("news", bytes)
            _ = try await here.to("a").timeout(.milliseconds(1)).emitWithAck("news", bytes)
            _ = try await here.all.fetchSockets()
            try await here.to("a").socketsJoin("d", "e")
            try await here.to("a").socketsLeave("d", "e")
            try await here.to("a").disconnectSockets()
            try await here.to("a").disconnectSockets(closing: true)
            try await here.serverSideEmit("news", bytes)
            // The sender's name is another one at each run; the mutations are not.
            let messages = try servers.link.messages.map { message in
                let sender = try #require(message["from"]?.string)
                return Array(String(buffer: message.buffer).replacing(sender, with: "sender").utf8)
            }
            #expect(messages.count == 9)
            let client = try await servers.second.client()
            var generator = SeededGenerator(seed: 48)
            var valid = 0
            for round in 0..<20_000 {
                var text = messages[round % messages.count]
                for _ in 0...Int.random(in: 0..<3, using: &generator) {
                    guard let index = text.indices.randomElement(using: &generator) else { break }
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: text[index] = UInt8.random(in: 0x20..<0x7f, using: &generator)
                    case 1: text.remove(at: index)
                    case 2: text.insert(text.randomElement(using: &generator) ?? 0, at: index)
                    default: text.swapAt(index, text.indices.randomElement(using: &generator) ?? index)
                    }
                }
                let json: JSONBytes
                do {
                    json = try JSONBytes(validating: ByteBuffer(bytes: text))
                } catch {
                    continue
                }
                // Whoever joined a room by a mutation may be sent away from it by another.
                guard json["op"]?.string != "close", json["op"]?.string != "disconnect" else { continue }
                valid += 1
                _ = await servers.link.perform(json, on: "second")
            }
            #expect(valid > 2_000)
            for case .text(let text) in try await client.heard() {
                let event = SocketPacket(ByteBuffer(string: text)).flatMap { SocketEvent($0) }
                #expect(event != nil, "\(text)")
            }
            #expect(servers.second.io.counters.sockets.value == 1)
        }
    }
}

/// An adapter whose other servers answer whatever the test wants.
private struct AnsweringAdapter: Adapter {
    let answers: [JSONBytes]

    func receive(_ perform: @escaping @Sendable (JSONBytes) async -> JSONBytes) {}

    func tell(_ message: JSONBytes) async throws(AdapterError) {}

    func ask(_ question: JSONBytes, timeout: Duration) async throws(AdapterError) -> AdapterAnswers {
        AdapterAnswers(answers: answers)
    }
}
