/// What a backend calls itself where it is to be told from others: in a room's log. 1 to 64 printable ASCII characters.
public struct BackendLabel: Hashable, Sendable {
    public let rawValue: String

    /// - Returns: nil when the text cannot be a label.
    public init?(_ rawValue: String) {
        guard 1...64 ~= rawValue.utf8.count, rawValue.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else { return nil }
        self.rawValue = rawValue
    }
}
