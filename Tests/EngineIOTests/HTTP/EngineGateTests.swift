import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite struct EngineGateTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }
    private let page = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("a request becomes a WebSocket, and a message comes back")
    func upgrade() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(RawPeer.upgrade)
            try await eventually { peer.text.contains("maxPayload") }
            #expect(peer.text.hasPrefix("HTTP/1.1 101 "))
            #expect(peer.text.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
            try await peer.send(TestFrame.text("4hello").wire)
            try await eventually { peer.bytes.suffix(8) == serverFrame(.text("4hello"))[...] }
            try await peer.close()
            try await eventually { recorder.all.closed == [.transportClose] }
        }
    }

    @Test("an upgrade after other requests of the connection works, pipelined or not, and ends with its connection")
    func keptAlive() async throws {
        try await EngineTestServer.run(application) { port, engine in
            let peer = try await RawPeer.connect(port)
            try await peer.send(page)
            try await eventually { peer.text.hasSuffix("a page") }
            let body = "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
            try await peer.send(page + body + page + RawPeer.upgrade)
            try await eventually { peer.text.contains("maxPayload") }
            #expect(peer.statuses == [200, 200, 200, 200, 101])
            try await peer.send(TestFrame.text("4hello").wire)
            try await eventually { peer.bytes.suffix(8) == serverFrame(.text("4hello"))[...] }
            try await peer.send(TestFrame.close(1000).wire)
            try await eventually { peer.isClosed }
            #expect(peer.bytes.suffix(4) == serverFrame(.close(1000))[...])
            #expect(recorder.all.closed == [.transportClose])
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("frames in the same segment as the handshake are read, good or bad")
    func sameSegment() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let good = try await RawPeer.connect(port)
            try await good.send(Array(RawPeer.upgrade.utf8) + [TestFrame.text("4a"), .text("4b")].wire)
            try await eventually {
                good.bytes.suffix(8) == (serverFrame(.text("4a")) + serverFrame(.text("4b")))[...]
            }
            let bad = try await RawPeer.connect(port)
            try await bad.send(Array(RawPeer.upgrade.utf8) + TestFrame.text("4a").unmasked.wire)
            try await eventually { bad.isClosed }
            let close = try #require(bad.bytes.lastIndex(of: 0x88))
            #expect(bad.bytes[(close + 2)...].prefix(2) == [0x03, 0xEA])
        }
    }

    @Test("a refused upgrade that was held behind a page's answer is refused, and what is behind it thrown away")
    func refusedWhileHeld() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let refused = RawPeer.upgrade.replacing("EIO=4", with: "EIO=3")
            let peer = try await RawPeer.connect(port)
            try await peer.send(page + refused + page)
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [200, 400])
        }
    }

    @Test("the decision may take its time; a peer that is gone by then opens nothing")
    func laterDecision() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let turns = SharedIterator(gate)
        var application = application
        application.authorization = { _ in
            .later {
                await turns.next()
                return .accept(headers: [("x-told", "yes")], context: ())
            }
        }
        try await EngineTestServer.run(application) { port, _ in
            let patient = try await RawPeer.connect(port)
            try await patient.send(RawPeer.upgrade)
            let gone = try await RawPeer.connect(port)
            try await gone.send(RawPeer.upgrade)
            let half = try await RawPeer.connect(port)
            try await half.send(RawPeer.upgrade)
            try await gone.close()
            try await half.closeHalf()
            try await eventually { half.isClosed }
            for _ in 0..<3 { open.yield() }
            try await eventually { patient.text.contains("maxPayload") }
            #expect(patient.text.contains("x-told: yes\r\n"))
            #expect(half.text.isEmpty)
            #expect(recorder.all.opened == 1)
        }
    }

    @Test("a refusal has a body, a length and an end, and a reset while it is written hurts nobody")
    func refusal() async throws {
        var application = application
        application.authorization = { _ in .now(.refuse(.forbidden("not from \"there\""))) }
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(RawPeer.upgrade)
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [403])
            #expect(peer.text.contains("connection: close\r\n") && peer.text.contains("cache-control: no-store\r\n"))
            #expect(peer.text.hasSuffix("\r\n\r\n" + #"{"code":4,"message":"not from \"there\""}"#))
        }
    }

    @Test("a refused request whose body still comes sees the refusal")
    func refusalBeforeBody() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
            for _ in 0..<20 { try? await peer.send([UInt8](repeating: 0x61, count: 20_000)) }
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [400])
        }
    }

    enum BadHead: CaseIterable {
        case garbage, version, headers, bytes

        var text: String {
            switch self {
            case .garbage: "GARBAGE\r\n\r\n"
            case .version: "GET / HTTP/9.9\r\n\r\n"
            case .headers: "GET / HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 65) + "\r\n"
            case .bytes: "GET / HTTP/1.1\r\na: " + String(repeating: "b", count: 17_000) + "\r\n\r\n"
            }
        }
    }

    @Test("what is not HTTP is a 400, a head that is too long a 431", arguments: BadHead.allCases)
    func badHeads(head: BadHead) async throws {
        let (request, status) = (head.text, head == .headers || head == .bytes ? 431 : 400)
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(request)
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [status])
            let next = try await RawPeer.connect(port)
            try await next.send(page + "GARBAGE\r\n\r\n")
            try await eventually { next.isClosed }
            #expect(next.statuses == [200, 400] || next.statuses == [200])
        }
    }

    @Test("a page that is asked for with an upgrade is answered, and the connection ends in good order")
    func upgradeOfAPage() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                "GET /page HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    + "HTTP2-Settings: AAMAAABk\r\n\r\n")
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [200])
            #expect(peer.text.lowercased().contains("connection: close\r\n"))
            #expect(peer.text.hasSuffix("a page"))
        }
    }

    @Test("a head that does not end in time closes the connection, and so does silence")
    func timeouts() async throws {
        var configuration = EngineConfiguration()
        configuration.headTimeout = .milliseconds(100)
        configuration.idleTimeout = .seconds(1)
        try await EngineTestServer.run(application, configuration) { port, _ in
            let kept = try await RawPeer.connect(port)
            try await kept.send(page)
            let slow = try await RawPeer.connect(port)
            try await slow.send("GET / HT")
            let silent = try await RawPeer.connect(port)
            try await eventually { slow.isClosed && silent.isClosed && kept.isClosed }
            #expect(kept.statuses == [200])
            #expect(slow.bytes.isEmpty && silent.bytes.isEmpty)
        }
    }

    @Test("handshakes over the rate wait, over the queue get a 503")
    func admission() async throws {
        var configuration = EngineConfiguration()
        configuration.handshakesPerSecond = 10
        configuration.handshakeQueue = 1
        try await EngineTestServer.run(application, configuration) { port, _ in
            var peers: [RawPeer] = []
            for _ in 0..<4 {
                let peer = try await RawPeer.connect(port)
                try await peer.send(RawPeer.upgrade)
                peers.append(peer)
            }
            try await eventually { peers.allSatisfy { !$0.statuses.isEmpty } }
            let statuses = peers.flatMap(\.statuses)
            #expect(statuses.filter { $0 == 101 }.count >= 2)
            #expect(statuses.allSatisfy { $0 == 101 || $0 == 503 })
            #expect(peers.filter { $0.statuses == [503] }.allSatisfy { $0.text.contains("retry-after: 1\r\n") })
        }
    }

    @Test("a peer that closes its half of an open WebSocket is gone at once")
    func halfClose() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(RawPeer.upgrade)
            try await eventually { peer.text.contains("maxPayload") }
            try await peer.closeHalf()
            try await eventually { recorder.all.closed == [.transportClose] && peer.isClosed }
        }
    }

    @Test("a peer that never reads is closed when too much waits for it")
    func neverReads() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumQueuedBytes = 131_072
        try await EngineTestServer.run(application, configuration) { port, engine in
            let peer = try await RawPeer.connect(port, reading: false)
            try await peer.send(
                Array(RawPeer.upgrade.utf8) + Array(repeating: TestFrame.text("4!flood"), count: 8).wire)
            try await eventually { recorder.all.closed == [.forcedClose] }
            #expect(engine.counters.connections.value == 0)
        }
    }
}

/// Lets several tasks take turns at one stream.
private actor SharedIterator {
    private let stream: AsyncStream<Void>

    init(_ stream: AsyncStream<Void>) {
        self.stream = stream
    }

    func next() async {
        for await _ in stream { return }
    }
}
