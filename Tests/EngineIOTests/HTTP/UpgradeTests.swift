import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

/// Sessions that begin by polling and go over to a WebSocket, over a server of three event loops.
@Suite struct UpgradeTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }

    private func run(
        _ configuration: EngineConfiguration = EngineConfiguration(),
        _ body: (_ port: Int, _ engine: EngineServer) async throws -> Void
    ) async throws {
        try await EngineTestServer.run(application, configuration, threads: 3, body)
    }

    private func upgraded(_ port: Int) async throws -> (client: PollingClient, socket: RawPeer) {
        let client = try await PollingClient.open(port)
        let socket = try await client.startUpgrade()
        #expect(socket.statuses == [101])
        try await socket.send([.text("2probe")])
        try await eventually { socket.endsWith([.text("3probe")]) }
        try await socket.send([.text("5")])
        return (client, socket)
    }

    @Test("probe, upgrade, and the WebSocket carries the session", arguments: 0..<4)
    func upgrade(_: Int) async throws {
        try await run { port, engine in
            let (client, socket) = try await upgraded(port)
            try await socket.send([.text("4hello"), .binary([1, 2])])
            try await eventually { socket.endsWith([.text("4hello"), .binary([1, 2])]) }
            #expect(recorder.all.opened == 1 && recorder.all.closed.isEmpty)
            #expect(engine.counters.connections.value == 1)
            for answer in [try await client.poll(), try await client.post("4a")] {
                #expect(answer.status == 400 && answer.body == #"{"code":3,"message":"Bad request"}"#)
            }
            try await socket.send([.text("4still")])
            try await eventually { socket.endsWith([.text("4still")]) }
            try await socket.close()
            try await eventually { recorder.all.closed == [.transportClose] }
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("probe, upgrade packet and message in one segment with the handshake")
    func oneSegment() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await RawPeer.connect(port)
            try await socket.send(
                Array(RawPeer.upgrade.replacing("=websocket H", with: "=websocket&sid=\(client.sid) H").utf8)
                    + [TestFrame.text("2probe"), .text("5"), .text("4hello")].wire)
            try await eventually { socket.endsWith([.text("3probe"), .text("4hello")]) }
        }
    }

    @Test("a poll that waits is released while the WebSocket is probed, and so is the next one")
    func release() async throws {
        try await run { port, engine in
            let client = try await PollingClient.open(port)
            let poll = try await client.startPoll()
            try await eventually { try await engine.isPolling(client.sid) }
            let socket = try await client.startUpgrade()
            #expect(poll.answers.isEmpty)
            try await socket.send([.text("2probe")])
            try await eventually { poll.answers.map(\.body) == ["6"] }
            #expect(try await client.poll().body == "6")
            #expect(try await client.post("4a").body == "ok")
            #expect(try await client.poll().body == "4a")
            try await socket.send([.text("5"), .text("4b")])
            try await eventually { socket.endsWith([.text("3probe"), .text("4b")]) }
        }
    }

    @Test("a poll that still waits at the switch is released")
    func pollAtTheSwitch() async throws {
        var configuration = EngineConfiguration()
        configuration.probeInterval = .seconds(60)
        try await run(configuration) { port, engine in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            try await socket.send([.text("2probe")])
            try await eventually { socket.endsWith([.text("3probe")]) }
            let poll = try await client.startPoll()
            try await eventually { try await engine.isPolling(client.sid) }
            try await socket.send([.text("5")])
            try await eventually { poll.answers.map(\.body) == ["6"] }
        }
    }

    @Test("what waits for a poll comes over the WebSocket, before what is sent later, and once")
    func queuedAcrossTheSwitch() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            #expect(try await client.post("4one\u{1e}bAQID\u{1e}4two").body == "ok")
            try await socket.send([.text("2probe"), .text("5"), .text("4three")])
            try await eventually {
                socket.endsWith([
                    .text("3probe"), .text("4one"), .binary([1, 2, 3]), .text("4two"), .text("4three"),
                ])
            }
        }
    }

    @Test("a payload on its way at the switch comes before what the WebSocket brings")
    func payloadAcrossTheSwitch() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let post = try await RawPeer.connect(port)
            try await post.send(
                "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n4fi")
            try await eventually { post.statuses == [100] }
            let socket = try await client.startUpgrade()
            try await socket.send([.text("2probe"), .text("5"), .text("4second"), .text("4third")])
            try await eventually { socket.endsWith([.text("3probe")]) }
            // A round trip over another connection of the session's loop: the WebSocket's packets have come.
            #expect(try await PollingClient.ask(port, PollingClient.get("/page")).body == "a page")
            #expect(recorder.all.texts.isEmpty)
            try await post.send("rst")
            try await eventually { socket.endsWith([.text("4first"), .text("4second"), .text("4third")]) }
            try await eventually { post.statuses == [100, 200] }
            #expect(recorder.all.texts == ["first", "second", "third"])
        }
    }

    @Test("messages of both directions across many switches come once and in order", arguments: 0..<6)
    func manyMessages(_: Int) async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            var polled: [String] = []
            for index in 0..<10 {
                #expect(try await client.post("4\(index)").body == "ok")
                if index == 5 { try await socket.send([.text("2probe")]) }
                if index.isMultiple(of: 3) {
                    polled += try await client.poll().body.split(separator: "\u{1e}").map(String.init)
                }
            }
            try await socket.send([.text("5")] + (10..<20).map { .text("4\($0)") })
            let expected = (0..<20).map { "4\($0)" }
            let left = expected.dropFirst(polled.filter { $0 != "6" }.count).map { TestFrame.text($0) }
            try await eventually { socket.endsWith(left) }
            #expect(polled.filter { $0 != "6" } == Array(expected.prefix(20 - left.count)))
            #expect(recorder.all.texts == (0..<20).map(String.init))
        }
    }

    @Test(
        "a WebSocket that says anything else is closed, and polling lives on",
        arguments: [
            [TestFrame.text("2")], [.text("2prob")], [.text("5")], [.text("4a")], [.text("x")], [.text("")],
            [.binary([1])], [.text("2probe"), .text("2probe")], [.text("2probe"), .text("4a")], [.close(1000)],
            [.text("2probe"), .text("5x")], [TestFrame(opcode: 3)], [.text("2probe"), .close(1001)],
        ])
    func wrongProbe(frames: [TestFrame]) async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            try await socket.send(frames)
            try await eventually { socket.isClosed }
            #expect(try await client.post("4a").body == "ok")
            try await eventually { try await client.poll().body.hasSuffix("4a") }
            #expect(recorder.all.texts == ["a"])
            #expect(recorder.all.closed.isEmpty)
            // And it may try again.
            let next = try await client.startUpgrade()
            try await next.send([.text("2probe"), .text("5"), .text("4b")])
            try await eventually { next.endsWith([.text("3probe"), .text("4b")]) }
        }
    }

    @Test("an upgrade that is not finished in time is closed, and polling lives on", arguments: [true, false])
    func unfinished(probes: Bool) async throws {
        var configuration = EngineConfiguration()
        configuration.upgradeTimeout = .milliseconds(200)
        try await run(configuration) { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            if probes { try await socket.send([.text("2probe")]) }
            try await eventually { socket.isClosed }
            #expect(try await client.post("4a").body == "ok")
            #expect(try await client.poll().body == "4a")
            #expect(recorder.all.closed.isEmpty)
        }
    }

    @Test("a WebSocket that vanishes while it is probed leaves the polling alone")
    func vanished() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            try await socket.send([.text("2probe")])
            try await eventually { socket.endsWith([.text("3probe")]) }
            try await socket.close()
            try await eventually {
                let next = try await client.startUpgrade()
                try await next.send([.text("2probe"), .text("5"), .text("4b")])
                try await eventually { next.isClosed || next.endsWith([.text("4b")]) }
                return !next.isClosed
            }
            #expect(recorder.all.closed.isEmpty)
        }
    }

    @Test("a second WebSocket while one upgrades, or after it, is closed; the first does not notice")
    func second() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let first = try await client.startUpgrade()
            let second = try await client.startUpgrade()
            try? await second.send([.text("2probe")])
            try await eventually { second.isClosed }
            #expect(second.statuses == [101])
            try await first.send([.text("2probe"), .text("5"), .text("4a")])
            try await eventually { first.endsWith([.text("3probe"), .text("4a")]) }
            let third = try await client.startUpgrade()
            try? await third.send([.text("2probe")])
            try await eventually { third.isClosed }
            try await first.send([.text("4b")])
            try await eventually { first.endsWith([.text("4b")]) }
        }
    }

    @Test("a session that ends while a WebSocket is probed takes that with it")
    func endsWhileProbed() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let socket = try await client.startUpgrade()
            try await socket.send([.text("2probe")])
            try await eventually { socket.endsWith([.text("3probe")]) }
            #expect(try await client.post("1").body == "ok")
            try await eventually { socket.isClosed }
            #expect(recorder.all.closed == [.transportClose])
        }
    }

    @Test("an upgrade request that is none is refused in HTTP's words, or as a bad request")
    func noUpgrade() async throws {
        try await run { port, _ in
            let client = try await PollingClient.open(port)
            let uri = client.uri.replacing("polling", with: "websocket")
            #expect(try await PollingClient.ask(port, PollingClient.get(uri)).body.contains("\"code\":3"))
            let version = RawPeer.upgrade.replacing("Version: 13", with: "Version: 12")
                .replacing("=websocket H", with: "=websocket&sid=\(client.sid) H")
            #expect(try await PollingClient.ask(port, version).status == 426)
            #expect(try await client.post("4a").body == "ok")
        }
    }

    @Test("the heartbeat goes on over the WebSocket, and so do all the ends")
    func endsAfterwards() async throws {
        var configuration = EngineConfiguration()
        configuration.pingInterval = .milliseconds(200)
        configuration.pingTimeout = .milliseconds(300)
        try await run(configuration) { port, _ in
            let (_, silent) = try await upgraded(port)
            try await eventually { silent.isClosed }
            #expect(silent.bytes.contains(serverFrame(.text("2"))))
            #expect(recorder.all.closed == [.pingTimeout])
        }
        try await run { port, _ in
            let (_, told) = try await upgraded(port)
            try await told.send([.text("4!close")])
            try await eventually { told.isClosed }
            #expect(told.endsWith([.close(1000)]))
            let (_, says) = try await upgraded(port)
            try await says.send([.text("1")])
            try await eventually { says.isClosed }
            let (_, wrong) = try await upgraded(port)
            try await wrong.send([.text("x")])
            try await eventually { wrong.isClosed }
            let (_, broken) = try await upgraded(port)
            try await broken.send([TestFrame(opcode: 3)])
            try await eventually { broken.isClosed }
            try await eventually {
                recorder.all.closed == [
                    .pingTimeout, .forcedClose, .transportClose, .parseError, .transportError,
                ]
            }
        }
    }

    @Test("who does not read the WebSocket is closed when too much waits")
    func neverReads() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumQueuedBytes = 131_072
        try await run(configuration) { port, engine in
            let client = try await PollingClient.open(port)
            let socket = try await RawPeer.connect(port, reading: false)
            try await socket.send(
                Array(RawPeer.upgrade.replacing("=websocket H", with: "=websocket&sid=\(client.sid) H").utf8)
                    + ([.text("2probe"), .text("5")] + Array(repeating: TestFrame.text("4!flood"), count: 8)).wire)
            try await eventually { recorder.all.closed == [.forcedClose] }
            #expect(engine.counters.connections.value == 0)
        }
    }

    @Test("a large number of messages at once passes both ways, and none is lost")
    func many() async throws {
        try await run { port, _ in
            let (_, socket) = try await upgraded(port)
            let before = socket.bytes.count
            let text = "4" + String(repeating: "y", count: 1_000)
            for _ in 0..<20 { try await socket.send(Array(repeating: .text(text), count: 100)) }
            let frame = serverFrame(.text(text)).count
            try await eventually { socket.bytes.count == before + 2_000 * frame }
            #expect(recorder.all.texts.count == 2_000)
        }
    }
}

extension [UInt8] {
    fileprivate func contains(_ other: [UInt8]) -> Bool { firstRange(of: other) != nil }
}
