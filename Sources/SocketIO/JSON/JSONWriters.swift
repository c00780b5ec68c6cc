package import NIOCore

extension ByteBuffer {
    /// Appends a JSON string: quoted, with quotes, backslashes and control characters escaped.
    package mutating func writeJSONString(_ string: String) {
        var string = string
        string.withUTF8 { text in
            guard Self.needsEscape(UnsafeRawBufferPointer(text)) else {
                writeWithUnsafeMutableBytes(minimumWritableBytes: text.count + 2) { target in
                    target[0] = UInt8(ascii: "\"")
                    UnsafeMutableRawBufferPointer(rebasing: target[1...]).copyMemory(from: UnsafeRawBufferPointer(text))
                    target[text.count + 1] = UInt8(ascii: "\"")
                    return text.count + 2
                }
                return
            }
            reserveCapacity(minimumWritableBytes: text.count + 2)
            writeInteger(UInt8(ascii: "\""))
            var start = 0
            for (index, byte) in text.enumerated() where Self.needsEscape(byte) {
                writeBytes(UnsafeBufferPointer(rebasing: text[start..<index]))
                start = index + 1
                writeJSONEscape(byte)
            }
            writeBytes(UnsafeBufferPointer(rebasing: text[start...]))
            writeInteger(UInt8(ascii: "\""))
        }
    }

    private static func needsEscape(_ text: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while text.count - index >= 8 {
            if EightBytes(text, at: index).needEscape { return true }
            index += 8
        }
        while index < text.count {
            if Self.needsEscape(text[index]) { return true }
            index += 1
        }
        return false
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func writeJSONEscape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): writeStaticString("\\\"")
        case UInt8(ascii: "\\"): writeStaticString("\\\\")
        case 0x0A: writeStaticString("\\n")
        case 0x0D: writeStaticString("\\r")
        case 0x09: writeStaticString("\\t")
        default:
            writeStaticString(byte < 0x10 ? "\\u000" : "\\u001")
            let low = byte & 0x0F
            writeInteger(low < 10 ? low + UInt8(ascii: "0") : low - 10 + UInt8(ascii: "a"))
        }
    }

    /// Appends a JSON value as it is.
    package mutating func writeJSON(_ json: JSONBytes) {
        writeImmutableBuffer(json.buffer)
    }

    /// Appends an integer in decimal.
    package mutating func writeJSONInteger(_ integer: Int) {
        guard !(0..<10 ~= integer) else {
            writeInteger(UInt8(ascii: "0") + UInt8(integer))
            return
        }
        // The digits of an `Int` are 19 at most. From the last to the first, then moved to the front.
        writeWithUnsafeMutableBytes(minimumWritableBytes: 20) { target in
            var rest = integer.magnitude
            var index = 20
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                index -= 1
                target[index] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            } while rest != 0
            if integer < 0 {
                index -= 1
                target[index] = UInt8(ascii: "-")
            }
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: target[index..<20]))
            return 20 - index
        }
    }
}

/// Writes a JSON object member by member, in the order of the calls. Keys are the caller's to keep distinct.
package struct JSONObjectWriter {
    package private(set) var buffer: ByteBuffer
    private var isFirst = true

    /// - Parameter buffer: what to append the object to.
    package init(appendingTo buffer: ByteBuffer = ByteBuffer()) {
        self.buffer = buffer
        self.buffer.writeInteger(UInt8(ascii: "{"))
    }

    package mutating func member(_ key: String, string: String) {
        begin(key)
        buffer.writeJSONString(string)
    }

    package mutating func member(_ key: String, int: Int) {
        begin(key)
        buffer.writeJSONInteger(int)
    }

    package mutating func member(_ key: String, bool: Bool) {
        begin(key)
        buffer.writeStaticString(bool ? "true" : "false")
    }

    package mutating func member(_ key: String, json: JSONBytes) {
        begin(key)
        buffer.writeJSON(json)
    }

    /// - Parameter raw: one valid JSON value.
    package mutating func member(_ key: String, raw: ByteBuffer) {
        begin(key)
        buffer.writeImmutableBuffer(raw)
    }

    package mutating func memberNull(_ key: String) {
        begin(key)
        buffer.writeStaticString("null")
    }

    /// Writes several members at once.
    /// - Parameter raw: valid members with commas between them; none when empty.
    package mutating func members(raw: ByteBuffer) {
        guard raw.readableBytes > 0 else { return }
        separate()
        buffer.writeImmutableBuffer(raw)
    }

    /// Closes the object; the writer is spent.
    package mutating func finish() -> JSONBytes {
        buffer.writeInteger(UInt8(ascii: "}"))
        return JSONBytes(unchecked: buffer)
    }

    private mutating func begin(_ key: String) {
        separate()
        buffer.writeJSONString(key)
        buffer.writeInteger(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if isFirst {
            isFirst = false
        } else {
            buffer.writeInteger(UInt8(ascii: ","))
        }
    }
}

extension JSONBytes {
    /// A JSON array of these values.
    public init(elements: some Sequence<JSONBytes>) {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt8(ascii: "["))
        var isFirst = true
        for element in elements {
            if !isFirst { buffer.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            buffer.writeJSON(element)
        }
        buffer.writeInteger(UInt8(ascii: "]"))
        self.init(unchecked: buffer)
    }
}
