import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite("Compressed messages")
struct MessageDeflateTests {
    /// "Hello" as RFC 7692, 7.2.3, has it.
    private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

    private let deflate = WebSocketDeflate(WebSocketCompression(thresholdBytes: 64))

    private func parser(_ role: WebSocketParser.Role = .server, limit: Int = 65_536) -> WebSocketParser {
        WebSocketParser(role: role, maximumMessageBytes: limit, inflater: deflate.inflater)
    }

    private func parse(_ frames: [TestFrame], limit: Int = 65_536) -> ParserOutcome {
        var parser = parser(limit: limit)
        return parser.collect([frames.wire])
    }

    private func compressed(_ opcode: UInt8, _ payload: [UInt8], final: Bool = true) -> TestFrame {
        TestFrame(opcode: opcode, payload: payload, final: final, reservedBits: 4)
    }

    private func deflated(_ message: [UInt8], windowBits: Int = 15) throws -> [UInt8] {
        let deflater = MessageDeflater(windowBits: windowBits, level: 9, memoryLevel: 8)
        return Array(try #require(deflater.deflate(ByteBuffer(bytes: message))).readableBytesView)
    }

    // MARK: Inflating

    @Test("the standard's examples are read: one frame, fragments, a stored block, a last block, two blocks")
    func examples() {
        let hello = [WebSocketParser.Event.text(ByteBuffer(string: "Hello"))]
        #expect(parse([compressed(1, Self.hello)]).events == hello)
        #expect(
            parse([compressed(1, Array(Self.hello[..<3]), final: false), .continuation(Array(Self.hello[3...]))]).events
                == hello)
        #expect(
            parse([compressed(1, [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00])]).events == hello)
        #expect(parse([compressed(1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])]).events == hello)
        #expect(parse([compressed(1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])]).events == hello)
        #expect(
            parse([compressed(1, [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00])])
                .events == hello)
    }

    @Test("an empty message is one zero byte, or nothing at all")
    func empty() {
        #expect(parse([compressed(1, [0])]).events == [.text(ByteBuffer())])
        #expect(parse([compressed(2, [])]).events == [.binary(ByteBuffer())])
        #expect(
            parse([compressed(1, [], final: false), .continuation([], final: false), .continuation([0])]).events
                == [.text(ByteBuffer())])
    }

    @Test("plain and compressed messages take turns, with control frames amid the fragments, on one inflater")
    func turns() throws {
        let long = [UInt8]("a long message, a long message, a long message, a long message, a long message".utf8)
        let wire = try deflated(long)
        let outcome = parse([
            .text("plain"), compressed(1, Array(wire[..<5]), final: false), .ping([1]),
            .continuation(Array(wire[5...])), compressed(2, wire), .text("plain"), .close(1000),
        ])
        #expect(outcome.violation == nil)
        #expect(
            outcome.events == [
                .text(ByteBuffer(string: "plain")), .ping(ByteBuffer(bytes: [1])), .text(ByteBuffer(bytes: long)),
                .binary(ByteBuffer(bytes: long)), .text(ByteBuffer(string: "plain")), .close(code: 1000, reason: ""),
            ])
    }

    @Test("fragments of two sockets that share an inflater do not mix")
    func interleaved() throws {
        let messages = ["first", "second"].map { [UInt8](String(repeating: $0 + " ", count: 40).utf8) }
        let wires = try messages.map { try deflated($0) }
        var parsers = [parser(), parser()]
        for index in 0...1 {
            let head = compressed(1, Array(wires[index][..<6]), final: false).wire
            #expect(parsers[index].collect([head]) == ParserOutcome())
        }
        for index in 0...1 {
            let tail = TestFrame.continuation(Array(wires[index][6...])).wire
            #expect(parsers[index].collect([tail]).events == [.text(ByteBuffer(bytes: messages[index]))])
        }
    }

    @Test("the first reserved bit is for the first frame of a message, and only where compression was agreed on")
    func reservedBits() {
        #expect(WebSocketParser.parse([compressed(1, Self.hello)]).closeCode == 1002)
        #expect(
            parse([compressed(1, Array(Self.hello[..<3]), final: false), compressed(0, Array(Self.hello[3...]))])
                .closeCode == 1002)
        #expect(parse([.text("a", final: false), compressed(0, [])]).closeCode == 1002)
        for opcode in [8, 9, 10] as [UInt8] {
            #expect(parse([compressed(opcode, [])]).closeCode == 1002)
        }
        for bits in [1, 2, 3, 5, 6, 7] as [UInt8] {
            #expect(parse([TestFrame(opcode: 1, payload: Self.hello, reservedBits: bits)]).closeCode == 1002)
        }
    }

    @Test("what deflate cannot have written is a 1007")
    func bad() throws {
        #expect(parse([compressed(1, [0x07])]).closeCode == 1007, "a block of the reserved type")
        #expect(
            parse([compressed(1, [0x00, 0x05, 0x00, 0x00, 0x00])]).closeCode == 1007, "a length that is not told twice")
        #expect(parse([compressed(1, [0x02, 0x03, 0x02, 0x00])]).closeCode == 1007, "a copy from before the beginning")
        #expect(
            parse([compressed(1, [0x00, 0x09, 0x00, 0xF6, 0xFF, 0x41])]).closeCode == 1007, "cut in a stored block")
        #expect(parse([compressed(1, Array(Self.hello[..<4]))]).closeCode == 1007, "cut amid a block")
        let long = try deflated([UInt8](String(repeating: "ab cd ef", count: 100).utf8))
        for cut in 1..<long.count {
            let outcome = parse([compressed(1, Array(long[..<cut]))])
            #expect(outcome.events.isEmpty && outcome.closeCode == 1007, "cut after \(cut) of \(long.count) bytes")
        }
    }

    @Test("text is UTF-8 once it is inflated, also where it came in fragments")
    func text() throws {
        let bad = [UInt8](String(repeating: "abcdef", count: 30).utf8) + [0xC3]
        let wire = try deflated(bad)
        #expect(parse([compressed(1, wire)]).closeCode == 1007)
        #expect(
            parse([compressed(1, Array(wire[..<4]), final: false), .continuation(Array(wire[4...]))]).closeCode == 1007)
        #expect(parse([compressed(2, wire)]).events == [.binary(ByteBuffer(bytes: bad))])
    }

    // MARK: Limits

    @Test("the limit is that of the inflated message, to the byte")
    func limit() throws {
        for count in [1_000, 1_024, 4_096, 65_536] {
            let message = [UInt8](repeating: 0x61, count: count)
            let wire = try deflated(message)
            #expect(parse([compressed(1, wire)], limit: count).events == [.text(ByteBuffer(bytes: message))])
            #expect(parse([compressed(1, wire)], limit: count - 1).closeCode == 1009)
            #expect(
                parse(
                    [compressed(1, Array(wire[..<3]), final: false), .continuation(Array(wire[3...]))], limit: count - 1
                )
                .closeCode == 1009)
        }
        #expect(parse([compressed(1, [0])], limit: 0).events == [.text(ByteBuffer())])
        #expect(parse([compressed(1, Self.hello)], limit: 0).closeCode == 1009)
    }

    @Test("a message at the limit may be longer compressed; a frame far over it is a 1009 from its head")
    func incompressible() {
        var generator = SeededGenerator(seed: 7)
        let message = (0..<40_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let stored = [0x00, 0x40, 0x9C, 0xBF, 0x63] + message + [0x00]
        #expect(parse([compressed(2, stored)], limit: 40_000).events == [.binary(ByteBuffer(bytes: message))])
        var head = compressed(2, [])
        head.announced = 45_065
        #expect(parse([head], limit: 40_000).closeCode == 1009)
        #expect(parse([compressed(2, Array(stored[..<20_000]), final: false), head], limit: 40_000).closeCode == 1002)
        var rest = TestFrame.continuation([])
        rest.announced = 45_064 - 19_999
        #expect(
            parse([compressed(2, Array(stored[..<20_000]), final: false), rest], limit: 40_000).closeCode == 1009)
    }

    @Test("a zip bomb is a 1009 and gets no memory over the limit")
    func bomb() throws {
        let bomb = try deflated([UInt8](repeating: 0, count: 16 << 20))
        #expect(bomb.count < 20_000)
        #expect(parse([compressed(2, bomb)]).closeCode == 1009)
        #expect(throws: WebSocketViolation(closeCode: 1009, message: "message over the limit")) {
            try deflate.inflater.inflate(ByteBuffer(bytes: bomb), maximumBytes: 65_536)
        }
        let fits = try deflated([UInt8](repeating: 0, count: 65_536))
        let message = try deflate.inflater.inflate(ByteBuffer(bytes: fits), maximumBytes: 65_536)
        #expect(message.capacity == 65_536)
    }

    @Test("thirty thousand last blocks in one message are read in a moment")
    func manyBlocks() {
        let blocks = [UInt8]((0..<30_000).flatMap { _ in [0x03, 0x00] as [UInt8] })
        let clock = ContinuousClock()
        #expect(clock.measure { _ = parse([compressed(2, blocks)]) } < .seconds(1))
    }

    // MARK: Deflating

    @Test("what is written is read by the other side, for every window, in both roles", arguments: 9...15)
    func roundTrip(windowBits: Int) {
        let message = [UInt8](String(repeating: #"{"x":12.5,"y":-3.75,"name":"grün"},"#, count: 1_200).utf8)
        for (opcode, key) in [(WebSocketOpcode.text, nil), (.binary, 0x0102_0304 as UInt32?)] {
            var frame = ByteBuffer()
            deflate.write(opcode, ByteBuffer(bytes: message), windowBits: windowBits, into: &frame, maskKey: key)
            #expect(frame.readableBytes < message.count / 4)
            #expect(frame.getInteger(at: 0, as: UInt8.self) == 0xC0 | opcode.rawValue)
            var parser = parser(key == nil ? .client : .server)
            let outcome = parser.collect([Array(frame.readableBytesView)])
            #expect(
                outcome.events == [
                    opcode == .text ? .text(ByteBuffer(bytes: message)) : .binary(ByteBuffer(bytes: message))
                ])
        }
    }

    @Test("no copy reaches further back than the window that was agreed on")
    func window() throws {
        var generator = SeededGenerator(seed: 8)
        let noise = (0..<1_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let message = noise + noise
        let far = try deflated(message, windowBits: 15)
        #expect(far.count < 1_100, "the second half is a copy")
        let deflater = MessageDeflater(windowBits: 9, level: 9, memoryLevel: 8)
        #expect(deflater.deflate(ByteBuffer(bytes: message)) == nil, "of which a window of 512 bytes knows nothing")
    }

    @Test("short messages, and those that would not get shorter, go as they are")
    func plain() {
        var generator = SeededGenerator(seed: 9)
        let noise = (0..<10_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for message in [[UInt8](repeating: 0x61, count: 63), noise, []] {
            var frame = ByteBuffer()
            deflate.write(.binary, ByteBuffer(bytes: message), windowBits: 15, into: &frame)
            #expect(Array(frame.readableBytesView) == TestFrame.binary(message).unmasked.wire)
        }
        var frame = ByteBuffer()
        deflate.write(.binary, ByteBuffer(repeating: 0x61, count: 64), windowBits: 15, into: &frame)
        #expect(frame.readableBytes < 20)
    }
}
