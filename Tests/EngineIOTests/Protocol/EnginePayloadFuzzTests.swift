import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite("Mutated polling payloads")
struct EnginePayloadFuzzTests {
    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    private static let payloads = [
        "4hello\u{1e}4w\u{f6}rld\u{1e}3", "bAQIDBA==\u{1e}4after\u{1e}b", "1",
        #"451-["a",{"_placeholder":true,"num":0}]"#,
        "6\u{1e}2probe\u{1e}bAAAA\u{1e}b/+8=",
    ].map { Array($0.utf8) }

    /// All packets, and whether the payload was read to its end.
    private func packets(_ bytes: [UInt8]) -> ([EnginePacket], isWhole: Bool) {
        var packets: [EnginePacket] = []
        var rest: ByteBuffer? = ByteBuffer(bytes: bytes)
        do throws(EnginePayload.Violation) {
            while let packet = try EnginePayload.next(&rest) { packets.append(packet) }
            return (packets, true)
        } catch {
            return (packets, false)
        }
    }

    @Test("packets are read or refused, and what was read is written and read again")
    func payloads() throws {
        var fuzz = Fuzz(seed: 51)
        var whole = 0
        let growth = try Fuzz.memoryGrowth { round in
            let bytes = fuzz.mutant(of: Self.payloads)
            let (read, isWhole) = packets(bytes)
            guard read.count <= bytes.count / 2 + 1 else { throw Wrong(description: "round \(round): \(bytes)") }
            whole += isWhole ? 1 : 0
            let reference = String(validating: bytes, as: UTF8.self) != nil
            guard EnginePayload.isText(ByteBuffer(bytes: bytes)) == reference else {
                throw Wrong(description: "round \(round): UTF-8 or not: \(bytes)")
            }
            var written = ByteBuffer()
            for packet in read {
                switch packet {
                case .text(let type, let payload):
                    var text = ByteBuffer(integer: type.rawValue)
                    text.writeImmutableBuffer(payload)
                    EnginePayload.write(text: text, into: &written)
                case .binary(let message):
                    EnginePayload.write(binary: message, into: &written)
                }
            }
            guard read.isEmpty || packets(Array(written.readableBytesView)) == (read, true) else {
                throw Wrong(description: "round \(round): written again it is something else: \(bytes)")
            }
        }
        #expect(whole > Fuzz.rounds / 20 && whole < Fuzz.rounds)
        #expect(growth < 32 << 20)
    }
}
