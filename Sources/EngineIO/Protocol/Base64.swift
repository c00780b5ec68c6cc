import NIOCore

/// Base64 with padding (RFC 4648, 4), as binary messages travel in a polling payload.
enum Base64 {
    /// How many characters so many bytes become.
    static func length(ofBytes count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the characters of some bytes.
    static func encode(_ bytes: ByteBufferView, into output: inout ByteBuffer) {
        var index = bytes.startIndex
        while bytes.endIndex - index >= 3 {
            let bits = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.writeMultipleIntegers(
                character(bits >> 18), character(bits >> 12), character(bits >> 6), character(bits))
            index += 3
        }
        switch bytes.endIndex - index {
        case 2:
            let bits = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
            output.writeMultipleIntegers(character(bits >> 18), character(bits >> 12), character(bits >> 6), padding)
        case 1:
            let bits = UInt32(bytes[index]) << 16
            output.writeMultipleIntegers(character(bits >> 18), character(bits >> 12), padding, padding)
        default:
            break
        }
    }

    /// The bytes of some characters; `nil` when they are not base64 with its padding.
    static func decode(_ characters: ByteBufferView) -> ByteBuffer? {
        guard characters.count.isMultiple(of: 4) else { return nil }
        let unpadded = characters.suffix(2).reduce(characters.count) { $0 - ($1 == padding ? 1 : 0) }
        if characters.last != padding, unpadded != characters.count { return nil }
        var output = ByteBuffer()
        output.reserveCapacity(unpadded * 3 / 4)
        var (bits, count): (UInt32, Int) = (0, 0)
        for character in characters.prefix(unpadded) {
            let value = values[Int(character)]
            guard value < 64 else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                output.writeInteger(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return output
    }

    private static let padding = UInt8(ascii: "=")
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The six bits of each character, by its byte; 64 for what is none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 64, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    private static func character(_ bits: UInt32) -> UInt8 { alphabet[Int(bits & 63)] }
}
