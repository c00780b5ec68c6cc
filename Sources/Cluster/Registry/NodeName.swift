/// The name of a node, unique among the live nodes of a cluster: 1 to 8 characters of `a`–`z` and `0`–`9`.
public struct NodeName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let description: String

    /// Nil when the text is not a node's name.
    public init?(_ text: String) {
        let isName = text.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
        }
        guard isName, 1...8 ~= text.utf8.count else { return nil }
        self.description = text
    }

    /// Eight random characters.
    public static func random() -> NodeName {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        return NodeName(unchecked: String((0..<8).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }))
    }

    private init(unchecked name: String) {
        self.description = name
    }

    public static func < (one: NodeName, other: NodeName) -> Bool {
        one.description < other.description
    }
}
