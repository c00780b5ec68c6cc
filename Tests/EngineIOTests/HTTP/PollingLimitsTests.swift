import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

/// What a polling session takes, and what ends it, over a server of three event loops.
@Suite struct PollingLimitsTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }

    private func run(
        _ configuration: EngineConfiguration = EngineConfiguration(),
        _ body: (_ port: Int, _ engine: EngineServer) async throws -> Void
    ) async throws {
        try await EngineTestServer.run(application, configuration, threads: 3, body)
    }

    private func isUnknown(_ client: PollingClient) async throws -> Bool {
        try await client.poll().body == #"{"code":1,"message":"Session ID unknown"}"#
    }

    private func isWaiting(_ engine: EngineServer, _ client: PollingClient) async throws -> Bool {
        try await engine.isPolling(client.sid)
    }

    @Test("a payload over the limit is a 413, announced or not, and the session lives")
    func tooLarge() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumPayloadBytes = 1_000
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            #expect(try await client.post("4" + String(repeating: "a", count: 999)).status == 200)
            #expect(try await client.post("4" + String(repeating: "a", count: 1_000)).status == 413)
            let huge = "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n"
            #expect(try await PollingClient.ask(port, huge).status == 413)
            let summed = try await RawPeer.connect(port)
            try await summed.send("POST \(client.uri) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<11 { try? await summed.send("64\r\n" + String(repeating: "a", count: 100) + "\r\n") }
            try await eventually { summed.isClosed }
            #expect(summed.statuses == [413])
            #expect(try await client.poll().body.utf8.count == 1_000)
            #expect(try await client.post("4b").status == 200)
            #expect(recorder.all.closed.isEmpty)
        }
    }

    @Test("a body that does not end is a 408, and the session lives")
    func tooSlow() async throws {
        var configuration = EngineConfiguration()
        configuration.payloadTimeout = .milliseconds(100)
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send("POST \(client.uri) HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n4abc")
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [408])
            #expect(try await client.post("4b").status == 200)
            #expect(recorder.all.texts == ["b"])
            #expect(recorder.all.closed.isEmpty)
        }
    }

    @Test(
        "what is no payload of a client's ends the session, and the poll that waits",
        arguments: [
            "abc", "", "\u{1e}", "4a\u{1e}", "7", "bAQ", "b=", "0", "2", "2probe", "5", "4\u{0}\u{1e}9",
        ])
    func badPayload(body: String) async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            // The poll must be there first.
            try await eventually { try await self.isWaiting(engine, client) }
            #expect(try await client.post(body).status == 400)
            try await eventually { !poll.answers.isEmpty }
            #expect(poll.answers[0].body == (recorder.all.texts.isEmpty ? "1" : "4\(recorder.all.texts[0])\u{1e}1"))
            #expect(recorder.all.closed == [.parseError])
            #expect(try await isUnknown(client))
        }
    }

    @Test("what is not UTF-8 ends the session with a 400")
    func notUTF8() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                Array("POST \(client.uri) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n".utf8) + [0x34, 0xFF])
            try await eventually { peer.statuses == [400] }
            #expect(recorder.all.closed == [.parseError])
            // Who breaks the protocol gets no last poll.
            #expect(try await isUnknown(client))
        }
    }

    @Test("a binary body is a 400, and ends the session")
    func octetStream() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let answer = try await PollingClient.ask(
                port,
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"
                    + "Content-Length: 2\r\n\r\n4a")
            #expect(answer.status == 400 && answer.body == #"{"code":3,"message":"Bad request"}"#)
            try await eventually { recorder.all.closed == [.transportError] }
            #expect(recorder.all.texts.isEmpty)
            #expect(try await isUnknown(client))
        }
    }

    @Test("other methods of a session are bad requests, and hurt nobody", arguments: ["PUT", "DELETE", "PATCH"])
    func methods(method: String) async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            #expect(
                try await PollingClient.ask(port, "\(method) \(client.uri) HTTP/1.1\r\nHost: a\r\n\r\n").status == 400)
            #expect(try await client.post("4a").status == 200)
        }
    }

    @Test("a second poll while one waits is a 400; the first is answered, and the session is over")
    func secondPoll() async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let first = try await client.startPoll()
            try await eventually { try await self.isWaiting(engine, client) }
            #expect(try await client.poll().status == 400)
            try await eventually { !first.answers.isEmpty }
            #expect(first.answers[0].status == 200 && first.answers[0].body == "1")
            #expect(recorder.all.closed == [.transportError])
            #expect(try await isUnknown(client))
        }
    }

    @Test("a second payload while one is on its way is a 400, and the session is over")
    func secondPayload() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let first = try await RawPeer.connect(port)
            try await first.send(
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n4a")
            try await eventually { first.statuses == [100] }
            try await eventually {
                if recorder.all.closed.isEmpty { _ = try await client.post("4b") }
                return recorder.all.closed == [.transportError]
            }
            try await eventually { first.statuses == [100, 400] }
            #expect(try await isUnknown(client))
        }
    }

    @Test("a poll that is given up ends the session, however it is given up", arguments: [true, false])
    func abortedPoll(halfOnly: Bool) async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            try await eventually { try await self.isWaiting(engine, client) }
            if halfOnly {
                try await poll.closeHalf()
            } else {
                try await poll.close()
            }
            try await eventually { recorder.all.closed == [.transportError] }
            #expect(try await isUnknown(client))
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("a payload that is given up ends the session")
    func abortedPayload() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n4a")
            try await eventually { peer.statuses == [100] }
            try await peer.close()
            try await eventually { recorder.all.closed == [.transportError] }
            #expect(recorder.all.texts.isEmpty)
        }
    }

    @Test("a websocket's session does not poll")
    func mismatch() async throws {
        try await run { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(RawPeer.upgrade)
            try await eventually { peer.text.contains("maxPayload") }
            let sid = try #require(peer.text.split(separator: "\"sid\":\"").last?.split(separator: "\"").first)
            let client = PollingClient(port: port, sid: String(sid))
            for answer in [try await client.poll(), try await client.post("4a")] {
                #expect(answer.status == 400 && answer.body == #"{"code":3,"message":"Bad request"}"#)
            }
            try await peer.send([.text("4still")])
            try await eventually { peer.endsWith([.text("4still")]) }
        }
    }

    @Test("a later request is the application's to refuse; the session does not notice")
    func laterRefusal() async throws {
        var application = application
        application.authorization = { _ in .now(.accept(headers: [], context: "mine")) }
        application.later = { request, context in
            guard context as? String == "mine", request.head.headers["x-other"].isEmpty else {
                return .later { .refuse(.forbidden("not yours")) }
            }
            return .later { .accept(headers: [("x-fresh", "1")], context: ()) }
        }
        try await EngineTestServer.run(application, threads: 3) { port, _ in
            let client = try await PollingClient.open(port)
            for answer in [
                try await client.poll("X-Other: 1\r\n"), try await client.post("4a", "X-Other: 1\r\n"),
            ] {
                #expect(answer.status == 403 && answer.body == #"{"code":4,"message":"not yours"}"#)
            }
            let ok = try await client.post("4b")
            #expect(ok.body == "ok" && ok.header("x-fresh") == ["1"])
            let poll = try await client.poll()
            #expect(poll.body == "4b" && poll.header("x-fresh") == ["1"])
            #expect(recorder.all.texts == ["b"])
        }
    }
}
