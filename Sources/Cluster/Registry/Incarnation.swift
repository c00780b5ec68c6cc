/// One start of a node: 64 random bits, written as 16 hexadecimal digits.
///
/// A node that was frozen and replaced has the same name as its successor, but not the same incarnation.
public struct Incarnation: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// Nil when the text is not 16 lower-case hexadecimal digits.
    public init?(_ text: String) {
        let isHexadecimal = text.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
        }
        guard isHexadecimal, text.utf8.count == 16 else { return nil }
        self.description = text
    }

    public static func random() -> Incarnation {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return Incarnation(unchecked: String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }

    private init(unchecked digits: String) {
        self.description = digits
    }
}
