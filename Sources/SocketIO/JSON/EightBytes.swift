/// Eight bytes of a text, looked at in one step.
struct EightBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    private let word: UInt64

    init(_ bytes: UnsafeRawBufferPointer, at index: Int) {
        self.word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// Which of them is the first quote or backslash, 0 to 7; nil when there is none.
    var firstQuoteOrBackslash: Int? {
        // A borrow can mark bytes in vain, but only behind one that is marked rightly.
        let marks = zeros(word ^ Self.ones &* 0x22) | zeros(word ^ Self.ones &* 0x5C)
        return marks == 0 ? nil : marks.trailingZeroBitCount / 8
    }

    /// Whether a JSON string has to escape one of them: a quote, a backslash, a control character.
    var needEscape: Bool {
        let controls = (word &- Self.ones &* 0x20) & ~word & Self.highBits
        return controls != 0 || firstQuoteOrBackslash != nil
    }

    private func zeros(_ word: UInt64) -> UInt64 {
        (word &- Self.ones) & ~word & Self.highBits
    }
}
