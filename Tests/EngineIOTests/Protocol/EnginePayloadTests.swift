import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite struct EnginePayloadTests {
    private func packets(_ text: String) -> Result<[EnginePacket], EnginePayload.Violation> {
        packets(ByteBuffer(string: text))
    }

    private func packets(_ payload: ByteBuffer) -> Result<[EnginePacket], EnginePayload.Violation> {
        var rest: ByteBuffer? = payload
        var packets: [EnginePacket] = []
        do throws(EnginePayload.Violation) {
            while let packet = try EnginePayload.next(&rest) { packets.append(packet) }
            return .success(packets)
        } catch {
            return .failure(error)
        }
    }

    private func message(_ text: String) -> EnginePacket { .text(.message, ByteBuffer(string: text)) }

    @Test("packets lie between separators, binary messages in base64")
    func read() {
        #expect(packets("4a") == .success([message("a")]))
        #expect(
            packets("4one\u{1e}4\u{1e}3\u{1e}bAQIDBA==\u{1e}1")
                == .success([
                    message("one"), message(""), .text(.pong, ByteBuffer()), .binary(ByteBuffer(bytes: [1, 2, 3, 4])),
                    .text(.close, ByteBuffer()),
                ]))
        #expect(packets("b") == .success([.binary(ByteBuffer())]))
    }

    @Test(
        "what is no payload is told as such",
        arguments: [
            ("", EnginePayload.Violation.emptyPacket), ("\u{1e}", .emptyPacket), ("4a\u{1e}", .emptyPacket),
            ("\u{1e}4a", .emptyPacket), ("4a\u{1e}\u{1e}4b", .emptyPacket), ("7", .unknownType), ("abc", .unknownType),
            ("4a\u{1e}x", .unknownType), ("bA", .badBase64), ("bAQIDBA", .badBase64), ("bAQI=BA==", .badBase64),
            ("bA===", .badBase64), ("b====", .badBase64), ("bAQ-_", .badBase64), ("bAQ I", .badBase64),
            ("bAQIDBA==AQID", .badBase64), ("bAA=A", .badBase64), ("bAAAA=", .badBase64), ("bAAAA==", .badBase64),
            ("bAAAAAA=A", .badBase64), ("b=", .badBase64),
        ])
    func violations(text: String, violation: EnginePayload.Violation) {
        #expect(packets(text) == .failure(violation))
    }

    @Test("what was written is read back, whatever its length")
    func roundTrip() {
        var generator = SeededGenerator(seed: 7)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var payload = ByteBuffer()
            EnginePayload.write(text: ByteBuffer(string: "4before"), into: &payload)
            let before = payload.readableBytes
            EnginePayload.write(binary: ByteBuffer(bytes: bytes), into: &payload)
            #expect(payload.readableBytes - before == 1 + EnginePayload.length(ofBinary: ByteBuffer(bytes: bytes)))
            EnginePayload.write(text: ByteBuffer(string: "4after"), into: &payload)
            #expect(
                packets(payload)
                    == .success([message("before"), .binary(ByteBuffer(bytes: bytes)), message("after")]))
        }
    }

    @Test("base64 is the standard's", arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")])
    func base64(text: String, encoded: String) {
        var payload = ByteBuffer()
        EnginePayload.write(binary: ByteBuffer(string: text), into: &payload)
        #expect(String(buffer: payload) == "b" + encoded)
        #expect(packets(payload) == .success([.binary(ByteBuffer(string: text))]))
    }

    @Test("only UTF-8 is a payload")
    func text() {
        #expect(EnginePayload.isText(ByteBuffer(string: "4é\u{1e}4€")))
        #expect(!EnginePayload.isText(ByteBuffer(bytes: [0x34, 0xC3])))
        #expect(!EnginePayload.isText(ByteBuffer(bytes: [0x34, 0xED, 0xA0, 0x80])))
    }

    @Test("mutated payloads are read or refused, and never trap")
    func mutations() {
        var generator = SeededGenerator(seed: 11)
        let seed = Array("4hello\u{1e}bAQIDBA==\u{1e}3\u{1e}42[\"a\",1]".utf8)
        for _ in 0..<50_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                if Bool.random(using: &generator) {
                    bytes[place] = .random(in: 0...255, using: &generator)
                } else {
                    bytes.remove(at: place)
                }
            }
            guard case .success(let packets) = packets(ByteBuffer(bytes: bytes)) else { continue }
            #expect(packets.count == bytes.count { $0 == EnginePayload.separator } + 1)
        }
    }
}
