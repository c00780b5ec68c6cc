/// A client's name for one act, unique per user and room: 1 to 64 printable ASCII characters.
public struct ActID: Hashable, Sendable {
    public let rawValue: String

    /// - Returns: nil when the text cannot be an act's id.
    public init?(_ rawValue: String) {
        guard 1...64 ~= rawValue.utf8.count, rawValue.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else { return nil }
        self.rawValue = rawValue
    }
}
