import NIOCore

extension JSONBytes {
    /// The same value: the order of keys, white space, escapes and the spelling of numbers do not matter. Numbers are
    /// compared as the decimals they spell, without rounding; of members with one key the last counts; text is
    /// compared scalar by scalar.
    public func isEquivalent(to other: JSONBytes) -> Bool {
        if buffer == other.buffer { return true }
        let kind = kind
        guard kind == other.kind else { return false }
        switch kind {
        case .null:
            return true
        case .boolean:
            return bool == other.bool
        case .number:
            return decimal == other.decimal
        case .string:
            guard let text = string, let otherText = other.string else { return false }
            return text.hasBytes(of: otherText)
        case .array:
            guard let elements = elements(), let others = other.elements() else { return false }
            return elements.count == others.count && zip(elements, others).allSatisfy { $0.isEquivalent(to: $1) }
        case .object:
            guard let members = lastMembers(), let others = other.lastMembers() else { return false }
            guard members.count == others.count else { return false }
            return members.allSatisfy { key, value in others[key].map { $0.isEquivalent(to: value) } ?? false }
        }
    }

    private var decimal: JSONNumber {
        buffer.withUnsafeReadableBytes { JSONNumber($0) }
    }

    /// By the bytes of the key: strings would take two canonically equivalent keys for one.
    private func lastMembers() -> [[UInt8]: JSONBytes]? {
        guard let members = members() else { return nil }
        return Dictionary(members.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { $1 })
    }

    /// The same text without insignificant white space; itself when there is none.
    public func minified() -> JSONBytes {
        let white = buffer.withUnsafeReadableBytes { bytes in
            var count = 0
            Self.forEachToken(bytes) { if $0 { count += 1 } }
            return count
        }
        guard white > 0 else { return self }
        var target = ByteBufferAllocator().buffer(capacity: buffer.readableBytes - white)
        buffer.withUnsafeReadableBytes { bytes in
            var start = 0
            var index = 0
            Self.forEachToken(bytes) { isWhite in
                if isWhite {
                    target.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
                    start = index + 1
                }
                index += 1
            }
            target.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
        return JSONBytes(unchecked: target)
    }

    /// Tells of each byte, in order, whether it is insignificant white space.
    private static func forEachToken(_ bytes: UnsafeRawBufferPointer, _ body: (_ isWhite: Bool) -> Void) {
        var isText = false
        var isEscaped = false
        for byte in bytes {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
                body(false)
            } else {
                if byte == UInt8(ascii: "\"") { isText = true }
                body(JSONCursor.isWhiteSpace(byte))
            }
        }
    }
}
