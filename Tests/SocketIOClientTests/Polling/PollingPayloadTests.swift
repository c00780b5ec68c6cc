import NIOCore
import TestSupport
import Testing

@testable import SocketIOClient

@Suite("Payloads of long-polling")
struct PollingPayloadTests {
    private typealias Packet = PollingPayload.Packet

    private func text(_ text: String) -> Packet { .text(ByteBuffer(string: text)) }
    private func binary(_ bytes: UInt8...) -> Packet { .binary(ByteBuffer(bytes: bytes)) }

    @Test("packets are separated by 0x1e, binary ones are b and base64, both ways")
    func table() throws {
        for (packets, body) in [
            ([self.text("2")], "2"),
            ([self.text("4ä"), self.text("40/a,")], "4ä\u{1e}40/a,"),
            ([self.text("451-[]"), self.binary(1, 2, 3), self.text("6")], "451-[]\u{1e}bAQID\u{1e}6"),
            ([self.binary()], "b"),
            ([self.binary(255)], "b/w=="),
        ] {
            var waiting = CircularBuffer(packets)
            #expect(String(buffer: PollingPayload.write(&waiting, maximumBytes: 1000)) == body)
            #expect(waiting.isEmpty)
            #expect(try PollingPayload.read(ByteBuffer(string: body)) == packets)
        }
    }

    @Test("a body holds what the server takes, and at least one packet")
    func maximum() {
        var packets = CircularBuffer([self.text("4abc"), self.text("4de"), self.binary(1, 2), self.text("4f")])
        var bodies: [String] = []
        while !packets.isEmpty { bodies.append(String(buffer: PollingPayload.write(&packets, maximumBytes: 8))) }
        #expect(bodies == ["4abc\u{1e}4de", "bAQI=\u{1e}4f"])
        packets = [self.text("4abc"), self.text("4d")]
        #expect(String(buffer: PollingPayload.write(&packets, maximumBytes: 1)) == "4abc")
        #expect(packets.count == 1)
    }

    @Test(
        "what is no payload is refused",
        arguments: ["", "\u{1e}", "2\u{1e}", "\u{1e}2", "2\u{1e}\u{1e}2", "b!", "bA"])
    func malformed(body: String) {
        #expect(throws: PollingPayload.Malformed.self) { try PollingPayload.read(ByteBuffer(string: body)) }
    }

    @Test("cut at any byte or changed at random, a payload is read or refused, and never traps")
    func mutated() {
        let body = Array("451-[\"a\",{}]\u{1e}bAQIDBA==\u{1e}2probe\u{1e}b\u{1e}6".utf8)
        for end in 0..<body.count { _ = try? PollingPayload.read(ByteBuffer(bytes: body[..<end])) }
        var random = SeededGenerator(seed: 1)
        var refused = 0
        for _ in 0..<20_000 {
            var changed = body
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            do {
                let packets = try PollingPayload.read(ByteBuffer(bytes: changed))
                #expect(!packets.isEmpty)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0)
    }
}
