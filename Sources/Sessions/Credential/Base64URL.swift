/// Base64url without padding (RFC 4648, 5), in its one canonical spelling: bits that no byte uses must be zero.
enum Base64URL {
    /// How many characters that many bytes take.
    static func length(ofBytes count: Int) -> Int {
        (count * 4 + 2) / 3
    }

    /// Reads exactly `output.count` bytes.
    ///
    /// - Returns: false when the length is another, a character is none of the alphabet, or unused bits are set.
    static func decode(_ input: Slice<UnsafeRawBufferPointer>, into output: UnsafeMutableRawBufferPointer) -> Bool {
        guard input.count == Self.length(ofBytes: output.count) else { return false }
        var bits: UInt32 = 0
        var pending = 0
        var written = 0
        return Self.values.withUnsafeBufferPointer { values in
            for byte in UnsafeRawBufferPointer(rebasing: input) {
                let value = values[Int(byte)]
                guard value < 64 else { return false }
                bits = bits << 6 | UInt32(value)
                pending += 6
                if pending >= 8 {
                    pending -= 8
                    output[written] = UInt8(truncatingIfNeeded: bits >> UInt32(pending))
                    written += 1
                    bits &= (1 << UInt32(pending)) - 1
                }
            }
            return bits == 0
        }
    }

    /// Reads exactly `count` bytes of a text; nil when it is anything else.
    static func decode(_ text: some StringProtocol, count: Int) -> [UInt8]? {
        var text = String(text)
        guard text.utf8.count == Self.length(ofBytes: count) else { return nil }
        return text.withUTF8 { input in
            var isValid = false
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
                let output = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(output)[..<count])
                isValid = Self.decode(UnsafeRawBufferPointer(input)[...], into: output)
                initialized = isValid ? count : 0
            }
            return isValid ? bytes : nil
        }
    }

    /// Writes the bytes at the front of `output`.
    ///
    /// - Returns: how many characters were written.
    @discardableResult
    static func encode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var bits: UInt32 = 0
        var pending = 0
        var written = 0
        return Self.characters.withUnsafeBufferPointer { characters in
            for byte in input {
                bits = bits << 8 | UInt32(byte)
                pending += 8
                while pending >= 6 {
                    pending -= 6
                    output[written] = characters[Int(bits >> UInt32(pending) & 63)]
                    written += 1
                }
                bits &= (1 << UInt32(pending)) - 1
            }
            if pending > 0 {
                output[written] = characters[Int(bits << UInt32(6 - pending) & 63)]
                written += 1
            }
            return written
        }
    }

    /// The text of these bytes.
    static func encode(_ input: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: Self.length(ofBytes: input.count)) { output in
            Self.encode(input, into: output)
        }
    }

    private static let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The value of each character; 255 for what is none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in Self.characters.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}
