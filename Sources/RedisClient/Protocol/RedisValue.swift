public import NIOCore

/// One reply of Redis (RESP2).
///
/// The byte strings of one reply are slices of one buffer: keep a copy of a small part if the rest was large and is no
/// longer needed.
public enum RedisValue: Sendable, Equatable {
    /// A simple string, such as `OK`.
    case status(String)
    /// An error inside an array. An error that is the whole reply is thrown instead.
    case error(code: String, message: String)
    case integer(Int)
    case bytes(ByteBuffer)
    /// A null byte string or a null array.
    case null
    case array([RedisValue])

    /// The integer, or the number that a byte string spells in decimal digits; nil for everything else.
    public var int: Int? {
        switch self {
        case .integer(let value): value
        case .bytes(let buffer): Int(String(buffer: buffer))
        case .status, .error, .null, .array: nil
        }
    }

    /// A byte string or simple string as text (what is not UTF-8 is repaired); nil for everything else.
    public var string: String? {
        switch self {
        case .bytes(let buffer): String(buffer: buffer)
        case .status(let text): text
        case .integer, .error, .null, .array: nil
        }
    }

    /// The bytes of a byte string; nil for everything else.
    public var buffer: ByteBuffer? {
        if case .bytes(let buffer) = self { buffer } else { nil }
    }

    /// The elements of an array; nil for everything else, also for a null array.
    public var array: [RedisValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    public var isNull: Bool {
        if case .null = self { true } else { false }
    }
}
