import Testing

/// Frames that RFC 6455 forbids, and the code that they are closed with.
struct ForbiddenFrames: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let frames: [TestFrame]
    let code: UInt16

    private init(_ description: String, _ frames: [TestFrame], _ code: UInt16) {
        self.testDescription = description
        self.frames = frames
        self.code = code
    }

    static let all: [ForbiddenFrames] = [
        .init("an unmasked frame", [TestFrame.text("x").unmasked], 1002),
        .init("reserved bit 1", [TestFrame(opcode: 1, reservedBits: 4)], 1002),
        .init("reserved bit 2", [TestFrame(opcode: 1, reservedBits: 2)], 1002),
        .init("reserved bit 3", [TestFrame(opcode: 9, reservedBits: 1)], 1002),
        .init("all reserved bits on a close", [TestFrame(opcode: 8, reservedBits: 7)], 1002),
        .init("a fragmented ping", [TestFrame(opcode: 9, final: false)], 1002),
        .init("a fragmented pong", [TestFrame(opcode: 10, final: false)], 1002),
        .init("a fragmented close", [TestFrame(opcode: 8, final: false)], 1002),
        .init("a close over 125 bytes", [.close(1000, [UInt8](repeating: 97, count: 124))], 1002),
        .init("a final continuation of nothing", [.continuation("x")], 1002),
        .init("an open continuation of nothing", [.continuation("x", final: false)], 1002),
        .init(
            "a continuation after the end", [.text("a", final: false), .continuation("b"), .continuation("c")], 1002),
        .init("a text amid fragments", [.text("a", final: false), .text("b")], 1002),
        .init("a binary amid fragments", [.text("a", final: false), .binary([1])], 1002),
        .init(
            "a long form of 125, 16 bits",
            [TestFrame(opcode: 1, payload: .init(repeating: 97, count: 125), lengthBits: 16)], 1002),
        .init("a long form of 0, 64 bits", [TestFrame(opcode: 2, lengthBits: 64)], 1002),
        .init(
            "a long form of 65,535, 64 bits",
            [TestFrame(opcode: 2, payload: .init(repeating: 0, count: 65_535), lengthBits: 64)], 1002),
        .init("a long form in a ping", [TestFrame(opcode: 9, lengthBits: 16)], 1002),
        .init("a close of one byte", [TestFrame(opcode: 8, payload: [3])], 1002),
        .init("bad UTF-8 in a close", [.close(1000, [0xCE, 0xBA, 0xE1, 0xBD])], 1007),
        .init("bad UTF-8", [.text([0x61, 0xFF])], 1007),
        .init("a cut scalar at the end of a text", [.text([0xE2, 0x82])], 1007),
        .init(
            "a cut scalar at the end of the last fragment", [.text("a", final: false), .continuation([0xE2, 0x82])],
            1007),
    ]
}
