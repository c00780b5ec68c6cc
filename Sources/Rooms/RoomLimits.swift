/// What rooms may hold and how long they may take.
public struct RoomLimits: Sendable {
    /// Fields of a room; 1,024 by default. An act may change as many at most.
    public var maximumFields = 1_024
    /// Bytes of a field's name; 128 by default.
    public var maximumNameBytes = 128
    /// Bytes of a field's value; 16 KiB by default.
    public var maximumFieldBytes = 16 * 1_024
    /// Bytes of all names and values of a room; 256 KiB by default.
    public var maximumRoomBytes = 256 * 1_024
    /// Rooms that one user begins in an hour; 500 by default. Above: `rate_limited`.
    public var newRoomsPerHour = 500
    /// Entries that a room's log keeps at least; 1,000 by default.
    public var logLength = 1_000
    /// After how long a room that nobody is in is forgotten; 7 days by default.
    public var idle: Duration = .seconds(7 * 24 * 3_600)
    /// How long a room is followed after its last socket left; 5 s by default.
    public var linger: Duration = .seconds(5)
    /// How often rooms are compared with Redis; 2 s by default.
    public var checkInterval: Duration = .seconds(2)
    /// How long an act may wait for others of the same node that write what it reads; 2 s by default.
    public var actWait: Duration = .seconds(2)
    /// How many acts of a room may wait so; 1,024 by default. Above: `unavailable` at once.
    public var maximumWaitingActs = 1_024
    /// How often an act is decided when other nodes change what it read; 8 by default. Then it is a `conflict`.
    public var maximumDecisions = 8

    /// For how long a player stays in presence, as not online, whose last socket was closed; 60 s by default.
    public var presenceGrace: Duration = .seconds(60)
    /// How often presence is told to a room, and written to Redis, at most; 1 s by default.
    public var presenceInterval: Duration = .seconds(1)
    /// How often only the number of watchers is told in a room of more than 1,000 sockets, at most; 5 s by default.
    public var crowdInterval: Duration = .seconds(5)
    /// How often nodes say that they still follow their rooms; 5 s by default.
    public var presenceRenewal: Duration = .seconds(5)
    /// How long a node may be out of the registry before its users count as away; 2.5 s by default: when
    /// Redis was away, nodes come back to it one after the other.
    public var absence: Duration = .milliseconds(2_500)

    public init() {}

    /// An act's changes that one call of the script can take.
    var maximumChanges: Int { min(maximumFields, 2_048) }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds) * 1_000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
