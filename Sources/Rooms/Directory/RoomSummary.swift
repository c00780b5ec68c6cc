/// A room in a list: where it is, and how large.
public struct RoomSummary: Sendable, Hashable {
    public let name: RoomName
    public let position: RoomPosition
    public let fields: Int
    /// Of all names and values.
    public let bytes: Int
}

/// A part of all rooms.
public struct RoomPage: Sendable, Hashable {
    public let rooms: [RoomSummary]
    /// Where the next part begins; nil after the last.
    public let next: RoomCursor?
}
