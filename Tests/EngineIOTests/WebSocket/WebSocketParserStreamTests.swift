import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite("WebSocket parser on a stream")
struct WebSocketParserStreamTests {
    static let conversation: [TestFrame] = [
        .text("one"), .ping([1, 2, 3]), .text("tw", final: false), .pong(), .continuation([0xC3], final: false),
        .continuation([0xB6]), .binary([UInt8](repeating: 0xA5, count: 300)), .text(""),
        .text(String(repeating: "ä-", count: 70)), .close(1001, Array("tschüß".utf8)),
    ]

    @Test("cut after any byte, it waits and then goes on as if nothing had been")
    func truncation() {
        let wire = Self.conversation.wire
        let whole = WebSocketParser.parse(wire)
        #expect(whole.violation == nil)
        #expect(whole.events.count == 8)
        for cut in 0...wire.count {
            var parser = WebSocketParser(role: .server, maximumMessageBytes: 1024)
            #expect(parser.collect([Array(wire[..<cut]), Array(wire[cut...])]) == whole)
            var half = WebSocketParser(role: .server, maximumMessageBytes: 1024)
            let part = half.collect([Array(wire[..<cut])])
            #expect(part.violation == nil)
            #expect(part.events == Array(whole.events.prefix(part.events.count)))
        }
    }

    @Test("chunks of any size give the same events")
    func chunks() {
        var generator = SeededGenerator(seed: 1)
        let wire = Self.conversation.wire
        let whole = WebSocketParser.parse(wire)
        for _ in 0..<2_000 {
            var chunks: [[UInt8]] = []
            var rest = wire[...]
            let most = Int.random(in: 1...64, using: &generator)
            while !rest.isEmpty {
                let chunk = rest.prefix(Int.random(in: 1...most, using: &generator))
                chunks.append(Array(chunk))
                rest = rest.dropFirst(chunk.count)
            }
            var parser = WebSocketParser(role: .server, maximumMessageBytes: 1024)
            #expect(parser.collect(chunks) == whole)
        }
        var parser = WebSocketParser(role: .server, maximumMessageBytes: 1024)
        #expect(parser.collect(wire.map { [$0] }) == whole)
    }

    @Test("a receive buffer that others hold keeps its bytes, and events that are kept stay what they were")
    func sharedStorage() throws {
        var generator = SeededGenerator(seed: 2)
        let messages = (0..<50).map { "message \($0) " + String(repeating: "x", count: $0) }
        let wire = messages.map { message in
            var frame = TestFrame.text(message)
            frame.maskKey = UInt32.random(in: .min ... .max, using: &generator)
            return frame
        }.wire
        let received = ByteBuffer(bytes: wire)
        var buffer = received
        var parser = WebSocketParser(role: .server, maximumMessageBytes: 1024)
        var events: [WebSocketParser.Event] = []
        while let event = try parser.next(&buffer) {
            events.append(event)
        }
        #expect(Array(received.readableBytesView) == wire)
        #expect(events == messages.map { .text(ByteBuffer(string: $0)) })
    }

    @Test("random bytes never trap")
    func noise() {
        var generator = SeededGenerator(seed: 4)
        for role in [WebSocketParser.Role.server, .client] {
            for _ in 0..<20_000 {
                let count = Int.random(in: 0..<40, using: &generator)
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                var parser = WebSocketParser(role: role, maximumMessageBytes: 64)
                let outcome = parser.collect([bytes])
                #expect(outcome.events.count <= count / 2)
            }
        }
    }
}
