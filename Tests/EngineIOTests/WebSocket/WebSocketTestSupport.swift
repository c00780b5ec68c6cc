import NIOCore

@testable import EngineIO

/// A frame as a peer may send it, well formed or not.
struct TestFrame: Sendable {
    var opcode: UInt8
    var payload: [UInt8] = []
    var final = true
    var reservedBits: UInt8 = 0
    var maskKey: UInt32? = 0x37FA_213D
    /// 7, 16 or 64 bits; nil: the shortest form.
    var lengthBits: Int?
    /// What the head says instead of the payload's length.
    var announced: UInt64?

    static func text(_ text: String, final: Bool = true) -> Self {
        Self(opcode: 1, payload: Array(text.utf8), final: final)
    }

    static func text(_ bytes: [UInt8], final: Bool = true) -> Self {
        Self(opcode: 1, payload: bytes, final: final)
    }

    static func continuation(_ bytes: [UInt8], final: Bool = true) -> Self {
        Self(opcode: 0, payload: bytes, final: final)
    }

    static func continuation(_ text: String, final: Bool = true) -> Self {
        Self(opcode: 0, payload: Array(text.utf8), final: final)
    }

    static func binary(_ bytes: [UInt8], final: Bool = true) -> Self {
        Self(opcode: 2, payload: bytes, final: final)
    }

    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> Self {
        Self(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    static func ping(_ bytes: [UInt8] = []) -> Self { Self(opcode: 9, payload: bytes) }
    static func pong(_ bytes: [UInt8] = []) -> Self { Self(opcode: 10, payload: bytes) }

    var unmasked: Self {
        var frame = self
        frame.maskKey = nil
        return frame
    }

    /// The bytes on the wire, masked one byte at a time.
    var wire: [UInt8] {
        let length = self.announced ?? UInt64(self.payload.count)
        let bits = self.lengthBits ?? (length <= 125 ? 7 : length <= 0xFFFF ? 16 : 64)
        let mask: UInt8 = self.maskKey == nil ? 0 : 0x80
        var wire: [UInt8] = [(self.final ? 0x80 : 0) | self.reservedBits << 4 | self.opcode]
        switch bits {
        case 7: wire.append(mask | UInt8(length))
        case 16: wire += [mask | 126, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
        default: wire += [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
        }
        guard let maskKey = self.maskKey else { return wire + self.payload }
        let key = (0..<4).map { UInt8(truncatingIfNeeded: maskKey >> (24 - 8 * $0)) }
        return wire + key + self.payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}

extension [TestFrame] {
    var wire: [UInt8] { self.flatMap(\.wire) }
}

/// All that a parser made of some bytes.
struct ParserOutcome: Equatable {
    var events: [WebSocketParser.Event] = []
    var violation: WebSocketViolation?

    var closeCode: UInt16? { self.violation?.closeCode }
}

extension WebSocketParser {
    /// Feeds the chunks as a channel does, and collects what comes out.
    mutating func collect(_ chunks: [[UInt8]]) -> ParserOutcome {
        var outcome = ParserOutcome()
        var buffer = ByteBuffer()
        for chunk in chunks {
            buffer.writeBytes(chunk)
            do {
                while let event = try self.next(&buffer) {
                    outcome.events.append(event)
                }
            } catch {
                outcome.violation = error
                return outcome
            }
        }
        return outcome
    }

    static func parse(_ frames: [TestFrame], limit: Int = 1 << 20) -> ParserOutcome {
        Self.parse(frames.wire, limit: limit)
    }

    static func parse(_ bytes: [UInt8], limit: Int = 1 << 20) -> ParserOutcome {
        var parser = WebSocketParser(role: .server, maximumMessageBytes: limit)
        return parser.collect([bytes])
    }
}
