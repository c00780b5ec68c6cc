/// One start of a node: its name and what tells this start from every other, as `NAME:INCARNATION`. A node that starts
/// again under its name is another one: it inherits nobody.
public struct NodeStart: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let description: String

    /// - Returns: nil unless the text is a name of 1 to 8 of `a-z` and `0-9`, a colon, and 16 lower-case hexadecimal
    ///   digits.
    public init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2, 1...8 ~= parts[0].count, parts[1].count == 16,
            parts[0].allSatisfy({ Self.isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 }),
            parts[1].allSatisfy({ Self.isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 })
        else { return nil }
        description = String(text)
    }

    /// - Parameters:
    ///   - name: the node's name.
    ///   - incarnation: what its start is told by.
    public init?(name: String, incarnation: String) {
        self.init("\(name):\(incarnation)")
    }

    public static func < (one: NodeStart, other: NodeStart) -> Bool {
        one.description < other.description
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }
}

/// Whose sockets count for presence: this node's, and those of the nodes that live.
public struct RoomNodes: Sendable {
    /// This node's own start.
    public let own: NodeStart
    /// The starts that live by the cluster's registry, as last heard; asked for several times a second, on any event
    /// loop. This node's own need not be among them.
    public let live: @Sendable () -> Set<NodeStart>

    public init(own: NodeStart, live: @escaping @Sendable () -> Set<NodeStart>) {
        self.own = own
        self.live = live
    }

    /// A node without others, under a start of its own.
    public static var alone: RoomNodes {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        let text = "alone:" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
        guard let own = NodeStart(text) else { preconditionFailure("\(text) is no start of a node") }
        return RoomNodes(own: own) { [own] }
    }
}
