/// Where a walk through all rooms stands: a cursor of Redis's `SCAN`.
public struct RoomCursor: Sendable, Hashable, CustomStringConvertible {
    /// Before the first.
    public static let start = RoomCursor(value: 0)

    private let value: UInt64

    private init(value: UInt64) {
        self.value = value
    }

    /// Reads what ``RoomPage/next`` was, 1 to 19 decimal digits; nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard 1...19 ~= text.utf8.count, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let value = UInt64(text) else {
            return nil
        }
        self.value = value
    }

    /// The decimal number.
    public var description: String { String(value) }
}
