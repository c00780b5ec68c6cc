import NIOCore
import Testing

@testable import EngineIO

@Suite("WebSocket parser")
struct WebSocketParserTests {
    private func text(_ text: String) -> WebSocketParser.Event { .text(ByteBuffer(string: text)) }

    // MARK: Whole messages

    @Test("a message of every length form arrives whole", arguments: [0, 1, 125, 126, 127, 128, 65_535, 65_536])
    func lengths(count: Int) {
        let letters = [UInt8](repeating: UInt8(ascii: "*"), count: count)
        #expect(WebSocketParser.parse([.text(letters)]).events == [.text(ByteBuffer(bytes: letters))])
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(WebSocketParser.parse([.binary(bytes)]).events == [.binary(ByteBuffer(bytes: bytes))])
    }

    @Test("a ping and a pong of 0 and of 125 bytes arrive, a longer one is a 1002", arguments: [9, 10] as [UInt8])
    func controlFrames(opcode: UInt8) {
        for count in [0, 1, 125] {
            let payload = [UInt8](repeating: 0xFE, count: count)
            let expected: WebSocketParser.Event =
                opcode == 9 ? .ping(ByteBuffer(bytes: payload)) : .pong(ByteBuffer(bytes: payload))
            #expect(WebSocketParser.parse([TestFrame(opcode: opcode, payload: payload)]).events == [expected])
        }
        let long = TestFrame(opcode: opcode, payload: [UInt8](repeating: 0xFE, count: 126))
        #expect(WebSocketParser.parse([long]).closeCode == 1002)
        #expect(WebSocketParser.parse(Array(long.wire.prefix(2))).closeCode == 1002, "known from its second byte on")
    }

    @Test("control frames between fragments arrive at once and leave the message whole")
    func controlAmidFragments() {
        let frames: [TestFrame] = [
            .text("frag", final: false), .ping([1, 2]), .continuation("ment", final: false), .pong(),
            .continuation("ed"),
            .text("next"),
        ]
        #expect(
            WebSocketParser.parse(frames).events == [
                .ping(ByteBuffer(bytes: [1, 2])), .pong(ByteBuffer()), self.text("fragmented"), self.text("next"),
            ])
    }

    @Test("fragments that are empty, first, last or all, add nothing")
    func emptyFragments() {
        #expect(
            WebSocketParser.parse([.text("", final: false), .continuation("", final: false), .continuation("")]).events
                == [self.text("")])
        #expect(
            WebSocketParser.parse([.text("", final: false), .continuation("mid", final: false), .continuation("")])
                .events
                == [self.text("mid")])
        #expect(
            WebSocketParser.parse([.binary([7], final: false), .continuation([], final: false), .continuation([9])])
                .events
                == [.binary(ByteBuffer(bytes: [7, 9]))])
    }

    @Test("a masked frame is refused by a client, an unmasked one is taken")
    func clientRole() {
        var client = WebSocketParser(role: .client, maximumMessageBytes: 1024)
        #expect(client.collect([TestFrame.text("hi").unmasked.wire]).events == [self.text("hi")])
        #expect(client.collect([TestFrame.text("hi").wire]).closeCode == 1002)
    }

    @Test("the mask key of zero is a mask")
    func zeroMask() {
        var frame = TestFrame.text("plain")
        frame.maskKey = 0
        #expect(WebSocketParser.parse([frame, .text("masked")]).events == [self.text("plain"), self.text("masked")])
    }

    // MARK: What the standard forbids

    @Test("what the standard forbids closes with its code", arguments: ForbiddenFrames.all)
    func forbidden(_ forbidden: ForbiddenFrames) {
        let outcome = WebSocketParser.parse(forbidden.frames)
        #expect(outcome.closeCode == forbidden.code)
        let before = WebSocketParser.parse([.text("before"), .ping()] + forbidden.frames)
        #expect(before.events.prefix(2) == [self.text("before"), .ping(ByteBuffer())], "what came before counts")
        #expect(before.closeCode == forbidden.code)
    }

    @Test("a reserved opcode is a 1002", arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func reservedOpcodes(opcode: UInt8) {
        #expect(WebSocketParser.parse([TestFrame(opcode: opcode, payload: [1])]).closeCode == 1002)
        #expect(WebSocketParser.parse([0x80 | opcode]).closeCode == 1002, "known from its first byte on")
    }

    // MARK: Text

    @Test("a text split anywhere, also inside of a character, arrives whole")
    func splitText() {
        let bytes = Array("Hello-µ@ßöäüàá-κόσμε-𐍈🎮-UTF-8!!".utf8)
        let whole = WebSocketParser.Event.text(ByteBuffer(bytes: bytes))
        for cut in 0...bytes.count {
            let frames: [TestFrame] = [.text(Array(bytes[..<cut]), final: false), .continuation(Array(bytes[cut...]))]
            #expect(WebSocketParser.parse(frames).events == [whole])
        }
        var single = [TestFrame.text(Array(bytes.prefix(1)), final: false)]
        single += bytes.dropFirst().map { .continuation([$0], final: false) }
        single.append(.continuation(""))
        #expect(WebSocketParser.parse(single).events == [whole])
    }

    @Test("a byte that no text can hold ends the message at its fragment, not at its end")
    func failFast() {
        let start = Array("κόσμε".utf8)
        #expect(WebSocketParser.parse([.text(start + [0xF4, 0x90], final: false)]).closeCode == 1007)
        #expect(
            WebSocketParser.parse([.text(start + [0xF4], final: false), .continuation([0x90], final: false)]).closeCode
                == 1007)
        #expect(WebSocketParser.parse([.text(start + [0xF4], final: false)]).closeCode == nil)
    }

    @Test("a binary message may hold anything")
    func binaryIsNotText() {
        #expect(
            WebSocketParser.parse([.binary([0xFF], final: false), .continuation([0xC0])]).events
                == [.binary(ByteBuffer(bytes: [0xFF, 0xC0]))])
    }

    // MARK: Close

    @Test("a close with a code that may be sent is told with its reason")
    func legalClose() {
        let legal: [UInt16] = [1000, 1001, 1002, 1003] + Array(1007...1014) + [3000, 3999, 4000, 4999]
        for code in legal {
            let outcome = WebSocketParser.parse([.close(code, Array("auf Wiederhören".utf8))])
            #expect(outcome.events == [.close(code: code, reason: "auf Wiederhören")])
        }
        #expect(WebSocketParser.parse([TestFrame(opcode: 8)]).events == [.close(code: nil, reason: "")])
        let long = [UInt8](repeating: 97, count: 123)
        #expect(
            WebSocketParser.parse([.close(1000, long)]).events
                == [.close(code: 1000, reason: String(repeating: "a", count: 123))])
    }

    @Test("every other close code is a 1002")
    func illegalClose() {
        let legal = Set<UInt16>([1000, 1001, 1002, 1003]).union(1007...1014).union(3000...4999)
        for code in UInt16.min...UInt16.max {
            let outcome = WebSocketParser.parse([.close(code)])
            #expect((outcome.closeCode == 1002) == !legal.contains(code))
        }
    }

    @Test("after a close or a violation everything is thrown away unread")
    func afterTheEnd() throws {
        var parser = WebSocketParser(role: .server, maximumMessageBytes: 100)
        #expect(
            parser.collect([[TestFrame.close(1000), .ping(), .text([0xFF])].wire, [0xFF]]).events
                == [.close(code: 1000, reason: "")])
        var broken = WebSocketParser(role: .server, maximumMessageBytes: 100)
        var buffer = ByteBuffer(bytes: [TestFrame(opcode: 3), .text("more")].wire)
        #expect(throws: WebSocketViolation.self) { try broken.next(&buffer) }
        #expect(buffer.readableBytes == 0)
        buffer.writeBytes(TestFrame.text("more").wire)
        #expect(try broken.next(&buffer) == nil)
        #expect(buffer.readableBytes == 0)
    }

    // MARK: Limits

    @Test(
        "a length over the limit is a 1009 from its head alone",
        arguments: [101, 1 << 16, 1 << 31, 1 << 62, 1 << 63] as [UInt64])
    func oversized(length: UInt64) {
        for opcode in [1, 2] as [UInt8] {
            let head = TestFrame(opcode: opcode, maskKey: nil, announced: length).wire
            let masked = [head[0], head[1] | 0x80] + head[2...]
            #expect(WebSocketParser.parse(masked, limit: 100).closeCode == 1009)
        }
    }

    @Test("a control frame that announces 2^62 bytes is a 1002")
    func oversizedControl() {
        #expect(WebSocketParser.parse([TestFrame(opcode: 9, announced: 1 << 62)]).closeCode == 1002)
    }

    @Test("a message of the limit arrives, one byte more is a 1009, also summed over fragments")
    func limit() {
        let bytes = [UInt8](repeating: 97, count: 100)
        #expect(WebSocketParser.parse([.text(bytes)], limit: 100).events.count == 1)
        #expect(WebSocketParser.parse([.text(bytes + [97])], limit: 100).closeCode == 1009)
        let first: [TestFrame] = [.text(Array(bytes[..<60]), final: false), .ping(bytes)]
        #expect(WebSocketParser.parse(first + [.continuation(Array(bytes[60...]))], limit: 100).events.count == 2)
        let over = TestFrame.continuation(Array(bytes[59...]), final: false).wire
        #expect(WebSocketParser.parse(first.wire + over.prefix(2), limit: 100).closeCode == 1009, "from its head alone")
        #expect(WebSocketParser.parse([.text("a"), .text("")], limit: 0).closeCode == 1009)
        #expect(WebSocketParser.parse([.text("")], limit: 0).events.count == 1)
    }

    @Test("64 fragments are a message, the 65th is a 1008 from its head alone, also when they are empty")
    func fragments() {
        let open = [TestFrame.text("a", final: false)] + .init(repeating: .continuation("b", final: false), count: 62)
        #expect(WebSocketParser.parse(open + [.ping(), .continuation("c")]).events.count == 2)
        let full = open + [.continuation("c", final: false)]
        #expect(WebSocketParser.parse(full).closeCode == nil)
        #expect(WebSocketParser.parse(full.wire + [0x80]).closeCode == 1008)
        let empty = [TestFrame.text("", final: false)] + .init(repeating: .continuation("", final: false), count: 64)
        #expect(WebSocketParser.parse(empty).closeCode == 1008)
    }

    @Test("a message that is kept keeps no receive buffer much larger than itself", arguments: [512, 16_384])
    func receiveBuffers(capacity: Int) throws {
        var parser = WebSocketParser(role: .server, maximumMessageBytes: 1_000_000)
        var bytes = ByteBufferAllocator().buffer(capacity: capacity)
        bytes.writeBytes(TestFrame.text("hello").wire)
        guard case .text(let message)? = try parser.next(&bytes) else {
            Issue.record("no message")
            return
        }
        #expect(message == ByteBuffer(string: "hello"))
        #expect(message.storageCapacity <= 512)
    }

    @Test("an idle parser is small")
    func size() {
        #expect(MemoryLayout<WebSocketParser>.size <= 32)
    }
}
