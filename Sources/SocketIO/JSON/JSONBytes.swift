public import NIOCore

/// What a JSON value is (RFC 8259 3).
public enum JSONKind: Sendable, Hashable {
    case null, boolean, number, string, array, object
}

/// One JSON text that is known to be valid, kept as the bytes it came in.
///
/// Valid means RFC 8259 and more: nesting within the limit it was validated with, valid UTF-8, no lone surrogate
/// escapes, numbers finite as `Double`, no white space around it. Reading a part of it gives slices of the same
/// storage: whoever keeps a small part of a large message for long copies it.
///
/// `==` compares bytes; ``isEquivalent(to:)`` compares values.
public struct JSONBytes: Sendable, Hashable {
    /// The text.
    public let buffer: ByteBuffer

    /// - Parameters:
    ///   - text: readable bytes of one JSON text; white space around it is dropped.
    ///   - maximumDepth: how deep arrays and objects may be nested, 0 to 64.
    /// - Throws: ``JSONError``, which says at which byte the text is wrong.
    public init(validating text: ByteBuffer, maximumDepth: Int = 32) throws(JSONError) {
        let range = try text.withUnsafeReadableBytes {
            JSONValidator.validate($0, maximumDepth: maximumDepth)
        }.get()
        self.init(unchecked: Self.slice(text, range))
    }

    /// - Parameter valid: one JSON text as described above; nobody checks it again.
    package init(unchecked valid: ByteBuffer) {
        self.buffer = valid
    }

    /// A JSON string, quoted and escaped.
    public init(string: String) {
        var buffer = ByteBuffer()
        buffer.writeJSONString(string)
        self.init(unchecked: buffer)
    }

    public init(integer: Int) {
        self.init(unchecked: ByteBuffer(string: String(integer)))
    }

    public static let null = JSONBytes(unchecked: ByteBuffer(string: "null"))
    public static let `true` = JSONBytes(unchecked: ByteBuffer(string: "true"))
    public static let `false` = JSONBytes(unchecked: ByteBuffer(string: "false"))
    public static let emptyObject = JSONBytes(unchecked: ByteBuffer(string: "{}"))
    public static let emptyArray = JSONBytes(unchecked: ByteBuffer(string: "[]"))

    static func slice(_ buffer: ByteBuffer, _ range: Range<Int>) -> ByteBuffer {
        guard range.count < buffer.readableBytes,
            let slice = buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
        else { return buffer }
        return slice
    }
}

// MARK: Scalars

extension JSONBytes {
    public var kind: JSONKind {
        switch buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    public var isNull: Bool { kind == .null }

    /// Nil when it is not a boolean.
    public var bool: Bool? {
        kind == .boolean ? buffer.readableBytes == 4 : nil
    }

    /// The text of a string, unescaped; nil when it is not a string.
    public var string: String? {
        guard kind == .string else { return nil }
        return buffer.withUnsafeReadableBytes { JSONCursor.string($0, in: 0..<$0.count) }
    }

    /// The exact integer a number is, however it is spelled (`1`, `1.0`, `1e3`); nil when it is none, or out of the
    /// range of `Int`.
    public var int: Int? {
        kind == .number ? buffer.withUnsafeReadableBytes { JSONNumber($0).int } : nil
    }

    /// The nearest double; nil when it is not a number.
    public var double: Double? {
        kind == .number ? Double(String(buffer: buffer)) : nil
    }
}

// MARK: Containers

extension JSONBytes {
    /// The members of an object in the order of the text, duplicates kept; nil when it is not an object.
    public func members() -> [(key: String, value: JSONBytes)]? {
        guard kind == .object else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            var members: [(key: String, value: JSONBytes)] = []
            var cursor = JSONCursor(bytes)
            while cursor.enter() {
                let key = cursor.value()
                _ = cursor.enter()
                let value = cursor.value()
                members.append((JSONCursor.string(bytes, in: key), JSONBytes(unchecked: Self.slice(buffer, value))))
            }
            return members
        }
    }

    /// The value of an object's member; of several with that key, the last. Keys are compared byte by byte. Nil when
    /// there is none, or this is not an object.
    public subscript(key: String) -> JSONBytes? {
        guard kind == .object else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            var found: Range<Int>?
            var cursor = JSONCursor(bytes)
            while cursor.enter() {
                let name = cursor.value()
                _ = cursor.enter()
                let value = cursor.value()
                if Self.isKey(bytes, in: name, equalTo: key) { found = value }
            }
            return found.map { JSONBytes(unchecked: Self.slice(buffer, $0)) }
        }
    }

    private static func isKey(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>, equalTo key: String) -> Bool {
        let content = JSONCursor.content(bytes, of: range)
        if content.contains(UInt8(ascii: "\\")) {
            return JSONCursor.string(bytes, in: range).hasBytes(of: key)
        }
        return key.hasBytes(content)
    }

    /// The elements of an array; nil when it is not an array.
    public func elements() -> [JSONBytes]? {
        elements(after: 0)
    }

    /// The elements of an array without the first ones; nil when it is not an array.
    func elements(after count: Int) -> [JSONBytes]? {
        guard kind == .array else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            var elements: [JSONBytes] = []
            var cursor = JSONCursor(bytes)
            var skipped = 0
            while cursor.enter() {
                guard skipped == count else {
                    _ = cursor.value()
                    skipped += 1
                    continue
                }
                elements.append(JSONBytes(unchecked: Self.slice(buffer, cursor.value())))
            }
            return elements
        }
    }
}
