/// The name of a room: 1 to 64 characters of `[A-Za-z0-9._:-]`, so that it never leaves its key or channel.
public struct RoomName: Hashable, Sendable, CustomStringConvertible {
    public let string: String

    /// - Returns: nil when the text is not a room's name.
    public init?(_ string: String) {
        guard 1...64 ~= string.utf8.count, string.utf8.allSatisfy(Self.isAllowed) else { return nil }
        self.string = string
    }

    public var description: String { string }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
