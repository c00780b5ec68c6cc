import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite("Mutated WebSocket bytes")
struct WebSocketFuzzTests {
    private static let limit = 256
    private static let codes: Set<UInt16> = [1002, 1007, 1008, 1009]
    /// What is kept between rounds is nothing; the allocator needs some room to breathe.
    private static let mostGrowth = 32 << 20

    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    /// Frames of every kind, compressed ones among them.
    private static func conversations(masked: Bool, _ deflate: WebSocketDeflate) -> [[UInt8]] {
        let text = #"42["act",{"room":"a","id":"1","action":{"set":{"x":1.5,"y":"grün grün grün grün grün"}}}]"#
        var compressed = ByteBuffer()
        deflate.write(
            .text, ByteBuffer(string: text), windowBits: 15, into: &compressed, maskKey: masked ? 0x1234_5678 : nil)
        let raw = MessageDeflater(windowBits: 15, level: 6, memoryLevel: 8)
        let payload = raw.deflate(ByteBuffer(string: text)).map { Array($0.readableBytesView) } ?? []
        let frames: [[TestFrame]] = [
            [.text("one"), .ping([1, 2, 3]), .binary([UInt8](repeating: 0xA5, count: 130)), .close(1001, [0x62])],
            [.text("tw", final: false), .pong(), .continuation([0xC3], final: false), .continuation([0xB6])],
            [
                TestFrame(opcode: 1, payload: Array(payload.prefix(9)), final: false, reservedBits: 4), .ping(),
                .continuation(Array(payload.dropFirst(9))), .text("ä€😀"),
            ],
            [TestFrame(opcode: 2, payload: [0], reservedBits: 4), .binary([]), TestFrame(opcode: 8)],
        ]
        return frames.map { ($0.map { masked ? $0 : $0.unmasked }).wire } + [Array(compressed.readableBytesView)]
    }

    private func check(_ event: WebSocketParser.Event) throws {
        switch event {
        case .text(let text):
            guard text.readableBytes <= Self.limit, String(validating: text.readableBytesView, as: UTF8.self) != nil
            else { throw Wrong(description: "no text within the limit: \(text)") }
        case .binary(let bytes):
            guard bytes.readableBytes <= Self.limit else { throw Wrong(description: "over the limit") }
        case .ping(let payload), .pong(let payload):
            guard payload.readableBytes <= 125 else { throw Wrong(description: "a long control frame") }
        case .close(let code, let reason):
            guard reason.utf8.count <= 123, code.map(WebSocketCloseCode.mayBeSent) ?? reason.isEmpty else {
                throw Wrong(description: "close \(code ?? 0) \(reason)")
            }
        }
    }

    private func encode(_ events: [WebSocketParser.Event], maskKey: UInt32?) -> [UInt8] {
        var buffer = ByteBuffer()
        for event in events {
            switch event {
            case .text(let text): WebSocketFrame.writeText(text, into: &buffer, maskKey: maskKey)
            case .binary(let bytes): WebSocketFrame.writeBinary(bytes, into: &buffer, maskKey: maskKey)
            case .ping(let payload): WebSocketFrame.writePing(payload, into: &buffer, maskKey: maskKey)
            case .pong(let payload): WebSocketFrame.writePong(payload, into: &buffer, maskKey: maskKey)
            case .close(let code, let reason):
                WebSocketFrame.writeClose(code: code, reason: reason, into: &buffer, maskKey: maskKey)
            }
        }
        return Array(buffer.readableBytesView)
    }

    @Test(
        "frames are read or refused, the same however they are cut, and what was read is written and read again",
        arguments: [WebSocketParser.Role.server, .client])
    func frames(role: WebSocketParser.Role) throws {
        let deflate = WebSocketDeflate(WebSocketCompression(thresholdBytes: 64))
        let conversations = Self.conversations(masked: role == .server, deflate)
        var fuzz = Fuzz(seed: role == .server ? 21 : 22)
        var seen: Set<UInt16> = []
        var events = 0
        let growth = try Fuzz.memoryGrowth { round in
            let bytes = fuzz.mutant(of: conversations)
            func parse(_ chunks: [[UInt8]]) -> ParserOutcome {
                var parser = WebSocketParser(
                    role: role, maximumMessageBytes: Self.limit, maximumFragments: 8, inflater: deflate.inflater)
                return parser.collect(chunks)
            }
            let whole = parse([bytes])
            try whole.events.forEach(check)
            if let code = whole.closeCode { seen.insert(code) }
            events += whole.events.count
            let cut = fuzz.below(bytes.count + 1)
            guard parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole else {
                throw Wrong(description: "round \(round): cut after \(cut) it is something else: \(bytes)")
            }
            let again = parse([encode(whole.events, maskKey: role == .server ? UInt32(fuzz.below(1 << 32)) : nil)])
            guard again.events == whole.events, again.violation == nil else {
                throw Wrong(description: "round \(round): written again it is something else: \(bytes)")
            }
        }
        #expect(seen.isSubset(of: Self.codes) && seen.isSuperset(of: [1002, 1007, 1009]))
        #expect(events > Fuzz.rounds / 4, "most of the input is nearly right")
        #expect(growth < Self.mostGrowth)
    }

    @Test("compressed messages are inflated within the limit or refused, and what was inflated is so again")
    func inflater() throws {
        let inflater = MessageInflater()
        let deflater = MessageDeflater(windowBits: 12, level: 9, memoryLevel: 9)
        let texts = [
            String(repeating: "a", count: 4_000), String(repeating: #"{"x":1,"y":2},"#, count: 60),
            (0..<300).map { String($0 * $0) }.joined(separator: ","),
        ]
        let messages = texts.compactMap { deflater.deflate(ByteBuffer(string: $0)) }.map { Array($0.readableBytesView) }
        #expect(messages.count == texts.count)
        let stored: [UInt8] = [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]
        var fuzz = Fuzz(seed: 23)
        var inflated = 0
        var seen: Set<UInt16> = []
        let growth = try Fuzz.memoryGrowth { round in
            let bytes = ByteBuffer(bytes: fuzz.mutant(of: messages + [stored, [0x03, 0x00]]))
            let message: ByteBuffer
            do throws(WebSocketViolation) {
                message = try inflater.inflate(bytes, maximumBytes: 4_096)
            } catch {
                seen.insert(error.closeCode)
                return
            }
            inflated += 1
            guard message.readableBytes <= 4_096, message.capacity <= 4_096 else {
                throw Wrong(description: "round \(round): over the limit")
            }
            if let again = deflater.deflate(message), try inflater.inflate(again, maximumBytes: 4_096) != message {
                throw Wrong(description: "round \(round): not what was compressed")
            }
        }
        #expect(seen == [1007, 1009])
        #expect(inflated > Fuzz.rounds / 100)
        #expect(growth < Self.mostGrowth)
    }

    @Test("bytes are UTF-8 or not as the standard library has it, however they are cut")
    func text() throws {
        let texts = ["ascii, twenty bytes..", "Grüße aus Köln", "日本語のテキスト", "😀🏳️‍🌈\u{10FFFF}\u{7FF}\u{800}\u{FFFF}"].map {
            Array($0.utf8)
        }
        var fuzz = Fuzz(seed: 24)
        var valid = 0
        for round in 0..<Fuzz.rounds {
            let bytes = fuzz.mutant(of: texts)
            let cut = fuzz.below(bytes.count + 1)
            var validator = UTF8Validator()
            let isValid =
                bytes[..<cut].withUnsafeBytes { validator.append($0) }
                && bytes[cut...].withUnsafeBytes { validator.append($0) } && validator.isComplete
            guard isValid == (String(validating: bytes, as: UTF8.self) != nil) else {
                throw Wrong(description: "round \(round): \(bytes)")
            }
            valid += isValid ? 1 : 0
        }
        #expect(valid > Fuzz.rounds / 20 && valid < Fuzz.rounds)
    }
}
