/// A user's place in one node's part of a room.
struct PresenceSeat: Equatable, Sendable {
    /// Bytes of a user's id, and of a name, at most; whoever has a longer one is not listed.
    static let maximumIDBytes = 1_024
    static let maximumNameBytes = 1_024

    var name: String
    /// Since when no socket of the user is there any more, in ms since 1970 by Redis's clock; nil while one is.
    var awaySince: Int?

    static func isUser(id: String, name: String) -> Bool {
        1...maximumIDBytes ~= id.utf8.count && name.utf8.count <= maximumNameBytes
    }
}

/// One change of a node's part.
enum PresenceChange: Equatable, Sendable {
    /// A socket of the user is there.
    case online(name: String)
    /// The last one was closed.
    case away(name: String, since: Int)
    /// The last one left, or is nobody's any more: no other node keeps the user's place.
    case left
    /// The place was kept long enough, or was never this node's.
    case expired
}

/// A user as clients are told of it.
struct PresentUser: Equatable, Sendable {
    let name: String
    let isOnline: Bool
}
