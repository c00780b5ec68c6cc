import Testing

@testable import EngineIO

@Suite("UTF-8 of WebSocket texts")
struct WebSocketTextTests {
    private func isValid(_ pieces: [[UInt8]]) -> Bool {
        var validator = UTF8Validator()
        for piece in pieces {
            guard piece.withUnsafeBytes({ validator.append($0) }) else { return false }
        }
        return validator.isComplete
    }

    @Test("every two bytes are judged as the standard library judges them, alone and amid ASCII, whole and split")
    func allPairs() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let expected = String(validating: [first, second], as: UTF8.self) != nil
                guard
                    self.isValid([[first, second]]) == expected, self.isValid([[first], [], [second]]) == expected,
                    self.isValid([Array("sixteen letters.".utf8) + [first, second] + Array("and then more".utf8)])
                        == expected
                else {
                    Issue.record("\(first), \(second)")
                    return
                }
            }
        }
    }

    @Test("every lead byte with the edges of the continuation bytes is judged as the standard library judges it")
    func edges() {
        let edges: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
        for lead in UInt8(0xC0)...UInt8.max {
            for second in edges {
                for third in edges {
                    for bytes in [[lead, second, third]] + edges.map({ [lead, second, third, $0] }) {
                        let expected = String(validating: bytes, as: UTF8.self) != nil
                        guard self.isValid([bytes]) == expected, self.isValid(bytes.map { [$0] }) == expected else {
                            Issue.record("\(bytes)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test("every scalar is valid")
    func allScalars() {
        for number in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(number) else { continue }
            guard self.isValid([Array(String(scalar).utf8)]) else {
                Issue.record("U+\(String(number, radix: 16))")
                return
            }
        }
    }

    @Test("what cannot become valid fails at its first wrong byte")
    func failFast() {
        for start: [UInt8] in [
            [0x80], [0xC0], [0xC1], [0xF5], [0xFF], [0xE0, 0x80], [0xED, 0xA0], [0xF4, 0x90], [0xF0, 0x8F],
        ] {
            var validator = UTF8Validator()
            for byte in start.dropLast() {
                #expect([byte].withUnsafeBytes { validator.append($0) })
            }
            #expect(![start[start.count - 1]].withUnsafeBytes { validator.append($0) })
        }
    }
}
