/// Who is in a room, as operators and backends see it.
public struct RoomMembers: Sendable, Hashable {
    /// A user, once however many sockets it has.
    public struct Member: Sendable, Hashable {
        public let player: Player
        /// False while the user's place is kept whose last socket was closed.
        public let isOnline: Bool
    }

    /// The first 200, those who are online before the others, in the order of their names.
    public let players: [Member]
    /// How many users there are, online or not; 0 to 16,384.
    public let total: Int
    /// Sockets that nobody is logged in on.
    public let watchers: Int

    init(_ board: PresenceBoard) {
        let members = board.users.map { id, user in
            Member(player: Player(userID: id, name: user.name), isOnline: user.isOnline)
        }
        players = Array(members.sorted(by: Self.precedes).prefix(PresenceTelling.maximumListed))
        total = members.count
        watchers = board.watchers
    }

    private static func precedes(_ one: Member, _ other: Member) -> Bool {
        guard one.isOnline == other.isOnline else { return one.isOnline }
        return (one.player.name, one.player.userID) < (other.player.name, other.player.userID)
    }
}
