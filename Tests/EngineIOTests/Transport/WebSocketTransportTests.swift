import NIOCore
import Testing

@testable import EngineIO

@Suite struct WebSocketTransportTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }

    private func opened(_ configuration: EngineConfiguration = EngineConfiguration()) async throws -> TransportHarness {
        let harness = try await TransportHarness(application, configuration)
        let sent = try await harness.sent()
        #expect(sent.first == 0x81)
        let text = String(decoding: sent.dropFirst(2), as: UTF8.self)
        #expect(text.hasPrefix(#"0{"sid":"node."#))
        #expect(
            text.hasSuffix(#","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#))
        return harness
    }

    @Test("the open packet is the first, and a message comes back as one frame")
    func echo() async throws {
        let harness = try await opened()
        try await harness.receive([.text("4hello")])
        #expect(try await harness.sent() == serverFrame(.text("4hello")))
        try await harness.receive([.binary([1, 2, 3])])
        #expect(try await harness.sent() == serverFrame(.binary([1, 2, 3])))
        #expect(recorder.all.closed.isEmpty)
    }

    @Test("a message that comes a byte at a time is one message")
    func bytewise() async throws {
        let harness = try await opened()
        for byte in [TestFrame.text("4one"), .text("4two")].wire { try await harness.receive([byte]) }
        #expect(recorder.all.texts == ["one", "two"])
        #expect(try await harness.sent() == serverFrame(.text("4one")) + serverFrame(.text("4two")))
    }

    @Test(
        "what is no packet of a client's closes the connection and nothing else",
        arguments: ["0", "2", "2probe", "5", "7", "", "x", "\u{1e}4a", "9{}"])
    func badPackets(text: String) async throws {
        let harness = try await opened()
        try await harness.receive([.text(text), .text("4never")])
        #expect(recorder.all.closed == [.parseError])
        #expect(recorder.all.texts.isEmpty)
        #expect(try await harness.sent() == serverFrame(.close(1002)))
    }

    @Test("Engine.IO's close packet ends the connection as the peer's doing")
    func closePacket() async throws {
        let harness = try await opened()
        try await harness.receive([.text("1")])
        #expect(recorder.all.closed == [.transportClose])
        #expect(try await harness.sent() == serverFrame(.close(1000)))
    }

    @Test("a close frame is answered once with its code, and nothing is read after it")
    func closeFrame() async throws {
        let harness = try await opened()
        try await harness.receive([.close(3001, Array("bye".utf8)), .text("4late"), .close(1000)])
        #expect(recorder.all.closed == [.transportClose])
        #expect(try await harness.sent() == serverFrame(.close(3001)))
        try await harness.receive([.close(1000), .text("4late")])
        try await harness.fireInactive()
        #expect(recorder.all.closed == [.transportClose])
        #expect(recorder.all.texts.isEmpty)
        #expect(try await harness.sent().isEmpty)
    }

    private static let violationTable: [(TestFrame, UInt16)] = [
        (TestFrame.text("4").unmasked, 1002), (TestFrame(opcode: 3), 1002),
        (TestFrame(opcode: 1, reservedBits: 4), 1002), (TestFrame(opcode: 9, final: false), 1002),
        (.continuation("4"), 1002), (.text([0x34, 0xFF]), 1007), (TestFrame(opcode: 1, announced: 65_537), 1009),
        (TestFrame(opcode: 1, lengthBits: 64, announced: 1 << 62), 1009),
        (TestFrame(opcode: 1, lengthBits: 64, announced: 1 << 63), 1009), (TestFrame(opcode: 8, payload: [3]), 1002),
        (.close(1005), 1002), (.close(999), 1002),
    ]

    @Test("a violation is answered with its code", arguments: violationTable)
    func violations(frame: TestFrame, code: UInt16) async throws {
        let harness = try await opened()
        try await harness.receive([frame, .text("4late")])
        #expect(recorder.all.closed == [.transportError])
        #expect(recorder.all.texts.isEmpty)
        let sent = try await harness.sent()
        #expect(sent.first == 0x88)
        #expect(Array(sent.dropFirst(2).prefix(2)) == [UInt8(code >> 8), UInt8(code & 255)])
    }

    @Test("a million empty fragments are a 1008, and a message over the limit in fragments a 1009")
    func fragments() async throws {
        let first = try await opened()
        try await first.receive(
            [.text("4", final: false)] + Array(repeating: .continuation([], final: false), count: 64))
        #expect(try await first.sent().dropFirst(2).prefix(2) == [0x03, 0xF0])
        let second = try await opened()
        let half = [UInt8](repeating: 0x34, count: 40_000)
        try await second.receive([.text(half, final: false), .continuation(half)])
        #expect(try await second.sent().dropFirst(2).prefix(2) == [0x03, 0xF1])
        #expect(recorder.all.closed == [.transportError, .transportError])
    }

    @Test("a ping is answered with its payload, and leaves in the same turn")
    func ping() async throws {
        let harness = try await opened()
        try await harness.receive([.ping([7, 8]), .ping([])])
        #expect(try await harness.sent() == serverFrame(.pong([7, 8])) + serverFrame(.pong()))
    }

    @Test("pings of a peer that reads nothing are a 1008 after a bounded number of answers")
    func pingFlood() async throws {
        let harness = try await opened()
        try await harness.setWritable(false)
        try await harness.receive(Array(repeating: .ping(), count: 1_000))
        #expect(recorder.all.closed == [.transportError])
        let sent = try await harness.sent()
        #expect(sent.starts(with: Array(repeating: serverFrame(.pong()), count: 64).flatMap { $0 } + [0x88]))
        #expect(sent.count < 64 * 2 + 40)
    }

    @Test("a connection that closes in its own callback is told once, and the rest of the bytes is thrown away")
    func closeWithinCallback() async throws {
        let harness = try await opened()
        try await harness.receive([.text("4!close"), .text("4late"), .ping()])
        #expect(recorder.all.closed == [.forcedClose])
        #expect(recorder.all.texts == ["!close"])
        #expect(try await harness.sent() == serverFrame(.close(1000)))
    }

    @Test("an application that closes a connection while it opens hears of the end, and keeps nothing alive")
    func closeWithinOpened() async throws {
        var application = application
        application.closesAtOnce = true
        let harness = try await TransportHarness(application)
        #expect(recorder.all.opened == 1)
        #expect(recorder.all.closed == [.forcedClose])
        let sent = try await harness.sent()
        #expect(sent.suffix(4) == serverFrame(.close(1000))[...])
        try await harness.receive([.text("4late")])
        await harness.advance(.seconds(2))
        #expect(!harness.isOpen)
        #expect(recorder.all.closed == [.forcedClose])
    }

    @Test("the close handshake ends after a second when the peer does not answer")
    func closeTimeout() async throws {
        let harness = try await opened()
        try await harness.receive([.text("4!close")])
        #expect(harness.isOpen)
        await harness.advance(.milliseconds(999))
        #expect(harness.isOpen)
        await harness.advance(.milliseconds(2))
        #expect(!harness.isOpen)
        #expect(recorder.all.closed == [.forcedClose])
    }

    @Test("a peer that closes only its half is gone")
    func halfClose() async throws {
        let harness = try await opened()
        try await harness.fire(ChannelEvent.inputClosed)
        #expect(recorder.all.closed == [.transportClose])
        #expect(!harness.isOpen)
    }

    @Test("a server that stops accepting says goodbye")
    func quiesce() async throws {
        let harness = try await opened()
        try await harness.fire(ChannelShouldQuiesceEvent())
        #expect(recorder.all.closed == [.serverShuttingDown])
        #expect(try await harness.sent() == serverFrame(.close(1001)))
    }

    @Test("a ping goes out after the interval; a pong in time keeps the connection, none ends it")
    func heartbeat() async throws {
        let harness = try await opened()
        await harness.advance(.seconds(25))
        #expect(try await harness.sent() == serverFrame(.text("2")))
        await harness.advance(.seconds(19))
        try await harness.receive([.text("3")])
        await harness.advance(.seconds(2))
        #expect(recorder.all.closed.isEmpty)
        await harness.advance(.seconds(23))
        #expect(try await harness.sent() == serverFrame(.text("2")))
        await harness.advance(.seconds(19))
        #expect(recorder.all.closed.isEmpty)
        await harness.advance(.seconds(2))
        #expect(recorder.all.closed == [.pingTimeout])
        #expect(try await harness.sent() == serverFrame(.close(1000)))
    }

    @Test("10^5 unsolicited pongs add no ping")
    func unsolicitedPongs() async throws {
        let harness = try await opened()
        let pongs = Array(repeating: TestFrame.text("3"), count: 1_000).wire
        for _ in 0..<100 { try await harness.receive(pongs) }
        #expect(try await harness.sent().isEmpty)
        await harness.advance(.seconds(25))
        #expect(try await harness.sent() == serverFrame(.text("2")))
        try await harness.receive(pongs)
        await harness.advance(.seconds(25))
        #expect(try await harness.sent() == serverFrame(.text("2")))
        #expect(recorder.all.closed.isEmpty)
    }

    @Test("a peer that takes nothing for ten seconds is closed; one that catches up is told")
    func stalled() async throws {
        let slow = try await opened()
        try await slow.setWritable(false)
        await slow.advance(.seconds(5))
        try await slow.setWritable(true)
        #expect(recorder.all.drained == 1)
        try await slow.setWritable(false)
        await slow.advance(.seconds(9))
        #expect(recorder.all.closed.isEmpty)
        await slow.advance(.seconds(3))
        #expect(recorder.all.closed == [.forcedClose])
    }
}
