/// What a socket is in a room: all that presence knows of it.
public enum RoomMember: Sendable, Hashable {
    /// Nobody is logged in: it is counted, not named.
    case watcher
    /// Its user is named, once however many sockets it has.
    case player(Player)
}

/// How a socket went out of a room.
public enum RoomDeparture: Sendable, Hashable {
    /// It said so, or its login ended: its user is gone at once, unless another socket of it is there.
    case left
    /// It was closed: its user may be back soon.
    case lost
}
