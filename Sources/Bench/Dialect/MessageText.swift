import NIOCore

/// Looks for things in a message of the server without reading it whole. The service's own members come in a fixed
/// order and without white space; a message that is spelt otherwise is not understood, and counted as such by callers.
enum MessageText {
    /// The string after `"key":"`, as it stands there: escapes are not undone.
    static func string(_ key: StaticString, in payload: ByteBuffer) -> String? {
        let bytes = payload.readableBytesView
        guard let start = self.value(of: key, in: bytes), bytes[start] == UInt8(ascii: "\"") else { return nil }
        let rest = bytes[(start + 1)...]
        guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    /// The number after `"key":`.
    static func integer(_ key: StaticString, in payload: ByteBuffer) -> Int? {
        let bytes = payload.readableBytesView
        guard let start = self.value(of: key, in: bytes) else { return nil }
        return self.integer(at: start, in: bytes)?.value
    }

    /// Whether `"key":true` is in it.
    static func isTrue(_ key: StaticString, in payload: ByteBuffer) -> Bool {
        let bytes = payload.readableBytesView
        guard let start = self.value(of: key, in: bytes) else { return false }
        return bytes[start] == UInt8(ascii: "t")
    }

    /// Whether `"key":false` is in it.
    static func isFalse(_ key: StaticString, in payload: ByteBuffer) -> Bool {
        let bytes = payload.readableBytesView
        guard let start = self.value(of: key, in: bytes) else { return false }
        return bytes[start] == UInt8(ascii: "f")
    }

    /// Digits, and where they end.
    static func integer(at start: Int, in bytes: ByteBufferView) -> (value: Int, end: Int)? {
        var value = 0
        var index = start
        while index < bytes.endIndex, index - start < 18, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
        {
            value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
            index += 1
        }
        return index > start ? (value, index) : nil
    }

    /// The index after `"key":`, where something follows.
    static func value(of key: StaticString, in bytes: ByteBufferView) -> Int? {
        key.withUTF8Buffer { key in
            var index = bytes.startIndex
            let last = bytes.endIndex - key.count - 4
            while index <= last {
                if bytes[index] == UInt8(ascii: "\""), bytes[index + key.count + 1] == UInt8(ascii: "\""),
                    bytes[index + key.count + 2] == UInt8(ascii: ":"),
                    bytes[(index + 1)..<(index + 1 + key.count)].elementsEqual(key)
                {
                    return index + key.count + 3
                }
                index += 1
            }
            return nil
        }
    }
}
