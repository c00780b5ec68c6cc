/// Checks that bytes are UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF), piece by piece:
/// a scalar may be split over pieces, and the first byte that cannot belong to any text is found at once.
struct UTF8Validator {
    /// How many continuation bytes the scalar in progress still needs.
    private var needed: UInt8 = 0
    /// What the next continuation byte may be; narrower than 80...BF only after E0, ED, F0 and F4.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// Whether everything so far ends with a whole scalar.
    var isComplete: Bool { self.needed == 0 }

    /// Takes the next piece. False: not UTF-8, whatever may follow.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = bytes.count
        var index = 0
        while index < count {
            if self.needed == 0 {
                while count - index >= 8,
                    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                }
                while index < count, bytes[index] < 0x80 {
                    index += 1
                }
                guard index < count else { return true }
                guard self.start(bytes[index]) else { return false }
            } else {
                let byte = bytes[index]
                guard byte >= self.lowest, byte <= self.highest else { return false }
                self.lowest = 0x80
                self.highest = 0xBF
                self.needed -= 1
            }
            index += 1
        }
        return true
    }

    /// The first byte of a scalar of two bytes or more.
    private mutating func start(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: self.needed = 1
        case 0xE0...0xEF:
            self.needed = 2
            if byte == 0xE0 { self.lowest = 0xA0 }
            if byte == 0xED { self.highest = 0x9F }
        case 0xF0...0xF4:
            self.needed = 3
            if byte == 0xF0 { self.lowest = 0x90 }
            if byte == 0xF4 { self.highest = 0x8F }
        default: return false
        }
        return true
    }
}
