import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

/// Sessions that poll, over a server of three event loops: their requests come by any of them.
@Suite struct PollingTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }
    private let page = PollingClient.get("/page")

    private func run(
        _ configuration: EngineConfiguration = EngineConfiguration(),
        _ body: (_ port: Int, _ engine: EngineServer) async throws -> Void
    ) async throws {
        try await EngineTestServer.run(application, configuration, threads: 3, body)
    }

    private func isUnknown(_ client: PollingClient) async throws -> Bool {
        try await client.poll().body == #"{"code":1,"message":"Session ID unknown"}"#
    }

    // MARK: Messages

    @Test("a message that is posted comes back with the next poll, and with one that waits")
    func echo() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let ok = try await client.post("4hello")
            #expect(ok.status == 200 && ok.body == "ok")
            #expect(ok.header("content-type") == ["text/html"])
            #expect(ok.header("cache-control") == ["no-store"])
            let answer = try await client.poll()
            #expect(answer.body == "4hello")
            #expect(answer.header("content-type") == ["text/plain; charset=UTF-8"])
            let waiting = try await client.startPoll()
            #expect(try await client.post("4é€").status == 200)
            try await eventually { waiting.answers.map(\.body) == ["4é€"] }
        }
    }

    @Test("several packets in a payload keep their order, text and binary")
    func payload() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            #expect(try await client.post("4test1\u{1e}4test2\u{1e}bAQIDBA==\u{1e}4test3").status == 200)
            #expect(try await client.poll().body == "4test1\u{1e}4test2\u{1e}bAQIDBA==\u{1e}4test3")
            #expect(recorder.all.binaries == 1)
        }
    }

    @Test("what is queued beyond one answer's size comes with the next polls, and nothing twice")
    func largeQueue() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            for index in 0..<3 {
                #expect(try await client.post("4\(index)" + String(repeating: "x", count: 40_000)).status == 200)
            }
            var bodies: [String] = []
            for _ in 0..<3 { bodies.append(try await client.poll().body) }
            #expect(bodies.map { $0.prefix(2) } == ["40", "41", "42"])
            #expect(bodies.allSatisfy { $0.utf8.count == 40_002 })
        }
    }

    @Test("messages of many requests over one kept-alive connection, amid pages and pipelined, are answered in order")
    func keptAlive() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                page + PollingClient.post(client.uri, "4a") + client.pollRequest + page + page
                    + PollingClient.post(client.uri, "4b\u{1e}4c") + client.pollRequest + page)
            try await eventually { peer.answers.count == 8 }
            #expect(
                peer.answers.map(\.body) == ["a page", "ok", "4a", "a page", "a page", "ok", "4b\u{1e}4c", "a page"])
            #expect(!peer.isClosed)
            try await peer.send(PollingClient.post(client.uri, "4d") + client.pollRequest)
            try await eventually { peer.answers.count == 10 }
            #expect(peer.answers.suffix(2).map(\.body) == ["ok", "4d"])
            #expect(peer.answers.allSatisfy { $0.header("connection").isEmpty })
        }
    }

    @Test("requests behind a poll that waits are answered after it")
    func behindAPoll() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            let before = String(repeating: page, count: 20)
            try await peer.send(page + client.pollRequest + before + PollingClient.post(client.uri, "4late"))
            try await eventually { peer.answers.count == 1 }
            #expect(try await client.post("4now").status == 200)
            try await eventually { peer.answers.count == 23 }
            #expect(peer.answers[1].body == "4now")
            #expect(peer.answers[2...21].allSatisfy { $0.body == "a page" })
            #expect(peer.answers[22].body == "ok")
            #expect(recorder.all.texts == ["now", "late"])
        }
    }

    @Test("very many pipelined requests of ours do not exhaust the stack")
    func manyPipelined() async throws {
        try await run { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(page + String(repeating: "GET /socket.io/ HTTP/1.1\r\n\r\n", count: 3_000))
            try await eventually { peer.answers.count == 3_001 }
        }
    }

    @Test("a body may come in chunks, and a byte at a time")
    func chunked() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let request =
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\n4a\r\n5\r\nbcdef\r\n0\r\n\r\n"
            #expect(try await PollingClient.ask(port, request).body == "ok")
            #expect(try await client.poll().body == "4abcdef")
            let slow = try await RawPeer.connect(port)
            for byte in PollingClient.post(client.uri, "4slow").utf8 { try await slow.send([byte]) }
            try await eventually { slow.answers.map(\.body) == ["ok"] }
            #expect(recorder.all.texts == ["abcdef", "slow"])
        }
    }

    @Test("who expects to be told to go on is told")
    func expectContinue() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            try await eventually { peer.statuses == [100] }
            try await peer.send("4a")
            try await eventually { peer.statuses == [100, 200] }
        }
    }

    // MARK: Heartbeat and ends

    @Test("pings go with polls, pongs come with payloads; without a pong the session ends")
    func heartbeat() async throws {
        var configuration = EngineConfiguration()
        configuration.pingInterval = .milliseconds(50)
        configuration.pingTimeout = .milliseconds(400)
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            for _ in 0..<3 {
                #expect(try await client.poll().body == "2")
                #expect(try await client.post("3").body == "ok")
            }
            try await eventually { recorder.all.closed == [.pingTimeout] }
            #expect(try await isUnknown(client))
        }
    }

    @Test("a ping that is not answered ends the poll that waits")
    func pingTimeout() async throws {
        var configuration = EngineConfiguration()
        configuration.pingInterval = .milliseconds(50)
        configuration.pingTimeout = .milliseconds(200)
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            #expect(try await client.poll().body == "2")
            #expect(try await client.poll().body == "1")
            #expect(recorder.all.closed == [.pingTimeout])
        }
    }

    @Test("a client's close packet ends the session, and releases its poll")
    func clientCloses() async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            try await eventually { try await self.isWaiting(engine, client) }
            #expect(try await client.post("1").body == "ok")
            try await eventually { poll.answers.map(\.body) == ["6"] }
            #expect(recorder.all.closed == [.transportClose])
            #expect(try await isUnknown(client))
        }
    }

    @Test("the server's close comes with the poll that waits, after what was queued, or with the next one")
    func serverCloses() async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            try await eventually { try await self.isWaiting(engine, client) }
            #expect(try await client.post("4last\u{1e}4!close\u{1e}4never").body == "ok")
            try await eventually { poll.answers.map(\.body) == ["4last\u{1e}1"] }
            #expect(recorder.all.closed == [.forcedClose])
            #expect(recorder.all.texts == ["last", "!close"])
            #expect(try await isUnknown(client))
            let other = try await PollingClient.open(port)
            #expect(try await other.post("4last\u{1e}4!close").body == "ok")
            #expect(try await other.post("4a").status == 400)
            #expect(try await other.poll().body == "4last\u{1e}1")
            #expect(try await isUnknown(other))
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("the server's close waits for a poll for a moment only")
    func serverClosesUnheard() async throws {
        var configuration = EngineConfiguration()
        configuration.pollingCloseTimeout = .milliseconds(50)
        try await run(configuration) { port, engine in
            let client = try await PollingClient.open(port)
            #expect(try await client.post("4!close").body == "ok")
            for shard in engine.shards { try await eventually { try await shard.isEmpty } }
            #expect(try await isUnknown(client))
        }
    }

    @Test("an application that closes a session while it opens is heard of at once")
    func closesAtOnce() async throws {
        var application = application
        application.closesAtOnce = true
        try await EngineTestServer.run(application, threads: 3) { port, engine in
            let answer = try await PollingClient.ask(port, PollingClient.get())
            #expect(answer.body.hasPrefix("0{") && answer.body.hasSuffix("}\u{1e}1"))
            try await eventually { recorder.all.closed == [.forcedClose] }
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("a drain ends polling sessions, and the polls that wait")
    func drain() async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let silent = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            try await eventually { try await self.isWaiting(engine, client) }
            await engine.drain(within: .milliseconds(50))
            try await eventually { poll.answers.map(\.body) == ["1"] }
            try await eventually { recorder.all.closed == [.transportClose, .transportClose] }
            #expect(try await silent.poll().body == "1")
        }
    }

    @Test("a listener that stops ends the polls that wait, and every connection once it is answered")
    func quiesce() async throws {
        let channels = Mutex<[any Channel]>([])
        try await EngineTestServer.run(
            application, threads: 3, onChannel: { channel in channels.withLock { $0.append(channel) } }
        ) { port, engine in
            let client = try await PollingClient.open(port)
            let (idle, posting) = (try await RawPeer.connect(port), try await RawPeer.connect(port))
            try await idle.send(PollingClient.post(client.uri, "3"))
            try await eventually { idle.answers.count == 1 }
            let poll = try await client.startPoll()
            try await eventually { try await engine.isPolling(client.sid) }
            let other = try await PollingClient.open(port)
            try await posting.send(
                "POST \(other.uri) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n4")
            try await eventually { posting.statuses == [100] }
            for channel in channels.withLock({ $0 }) {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
            try await eventually { poll.isClosed && idle.isClosed }
            #expect(poll.answers.map(\.body) == ["1"])
            #expect(poll.answers.first?.header("connection") == ["close"])
            #expect(recorder.all.closed == [.serverShuttingDown])
            #expect(!posting.isClosed)
            try await posting.send("a")
            try await eventually { posting.isClosed }
            #expect(posting.text.hasSuffix("ok"))
            #expect(recorder.all.texts == ["a"])
        }
    }

    // MARK: Slow clients

    @Test("a session that does not poll is full at the limit, and is told when a poll takes it")
    func fullAndDrained() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumQueuedBytes = 100_000
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            let large = "4" + String(repeating: "x", count: 60_000)
            for _ in 0..<2 { #expect(try await client.post(large).status == 200) }
            #expect(recorder.all.drained == 0)
            #expect(try await client.poll().body == large)
            try await eventually { recorder.all.drained == 1 }
            #expect(recorder.all.closed.isEmpty)
        }
    }

    @Test("a session that never polls is closed when too much waits for it, or for too long")
    func neverPolls() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumQueuedBytes = 100_000
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            _ = try await client.post("4!flood")
            try await eventually { recorder.all.closed == [.forcedClose] }
        }
        configuration.slowPeerTimeout = .milliseconds(100)
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            let large = "4" + String(repeating: "x", count: 60_000)
            for _ in 0..<2 { _ = try await client.post(large) }
            try await eventually { recorder.all.closed == [.forcedClose, .forcedClose] }
        }
    }

    private func isWaiting(_ engine: EngineServer, _ client: PollingClient) async throws -> Bool {
        try await engine.isPolling(client.sid)
    }
}

extension EngineServer {
    /// Whether a poll of a session waits.
    func isPolling(_ sid: String) async throws -> Bool {
        guard let sid = SessionID(sid), let shard = shard(of: sid) else { return false }
        return try await shard.eventLoop.submit { shard.local.value?.polling[sid.connection]?.poll != nil }.get()
    }
}

extension EngineShard {
    /// Whether nothing of a session is left.
    var isEmpty: Bool {
        get async throws {
            let local = local
            return try await eventLoop.submit {
                local.value?.polling.isEmpty == true && local.value?.connections.isEmpty == true
            }.get()
        }
    }
}
