/// Walks over JSON that is known to be valid: finds where values end, and decodes strings.
struct JSONCursor {
    let bytes: UnsafeRawBufferPointer
    var index: Int

    init(_ bytes: UnsafeRawBufferPointer, at index: Int = 0) {
        self.bytes = bytes
        self.index = index
    }

    static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    /// The code unit that four hexadecimal digits spell; nil when they are not digits.
    static func hexadecimal(_ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt16? {
        var unit: UInt16 = 0
        for byte in bytes[index..<index + 4] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    mutating func skipWhiteSpace() {
        while index < bytes.count, Self.isWhiteSpace(bytes[index]) { index += 1 }
    }

    /// Skips the opening bracket, a comma, or a colon, and the white space around it.
    /// - Returns: whether what follows is not the end of the container.
    mutating func enter() -> Bool {
        skipWhiteSpace()
        guard index < bytes.count, bytes[index] != UInt8(ascii: "}"), bytes[index] != UInt8(ascii: "]") else {
            return false
        }
        index += 1
        skipWhiteSpace()
        return index < bytes.count && bytes[index] != UInt8(ascii: "}") && bytes[index] != UInt8(ascii: "]")
    }

    /// Skips one value, which begins at `index`, and returns where it is.
    mutating func value() -> Range<Int> {
        let start = index
        var depth = 0
        scan: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                skipString()
                if depth == 0 { break scan }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { break scan }
                depth -= 1
                index += 1
                if depth == 0 { break scan }
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { break scan }
                index += 1
            default:
                index += 1
            }
        }
        return start..<index
    }

    private mutating func skipString() {
        index += 1
        while bytes.count - index >= 8 {
            guard let place = EightBytes(bytes, at: index).firstQuoteOrBackslash else {
                index += 8
                continue
            }
            index += place
            guard bytes[index] == UInt8(ascii: "\\") else {
                index += 1
                return
            }
            index += 2
        }
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index = min(index + 1, bytes.count)
    }

    /// What is between the quotes of a string.
    static func content(_ bytes: UnsafeRawBufferPointer, of range: Range<Int>) -> UnsafeRawBufferPointer {
        guard range.count >= 2 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound + 1..<range.upperBound - 1])
    }

    /// - Parameter range: a string with its quotes.
    static func string(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> String {
        let content = content(bytes, of: range)
        guard content.contains(UInt8(ascii: "\\")) else { return String(decoding: content, as: UTF8.self) }
        return String(unsafeUninitializedCapacity: content.count) { target in
            // An escape is never shorter than what it stands for.
            var written = 0
            func append(_ scalar: Unicode.Scalar) {
                for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
                    target[written] = unit
                    written += 1
                }
            }
            var index = 0
            while index < content.count {
                let byte = content[index]
                index += 1
                guard byte == UInt8(ascii: "\\") else {
                    target[written] = byte
                    written += 1
                    continue
                }
                let escape = content[index]
                index += 1
                switch escape {
                case UInt8(ascii: "b"): append("\u{8}")
                case UInt8(ascii: "f"): append("\u{C}")
                case UInt8(ascii: "n"): append("\n")
                case UInt8(ascii: "r"): append("\r")
                case UInt8(ascii: "t"): append("\t")
                case UInt8(ascii: "u"):
                    let unit = UInt32(hexadecimal(content, at: index) ?? 0xFFFD)
                    index += 4
                    if 0xD800...0xDBFF ~= unit {
                        let low = UInt32(hexadecimal(content, at: index + 2) ?? 0xDC00)
                        index += 6
                        append(Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}")
                    } else {
                        append(Unicode.Scalar(unit) ?? "\u{FFFD}")
                    }
                default: append(Unicode.Scalar(escape))
                }
            }
            return written
        }
    }
}
