/// What one node has said of who is in a room by its sockets.
struct PresencePart: Equatable, Sendable {
    /// More watchers than a node can have sockets.
    static let maximumWatchers = 100_000_000

    /// Sockets that nobody is logged in on.
    var watchers = 0
    /// By the ids of the users.
    var seats: [String: PresenceSeat] = [:]
    /// Since when the node counts as gone, in ms since 1970 by Redis's clock: its users are away since then. Nil while it
    /// lives.
    var goneSince: Int?

    /// Since when a user is away by this part alone; nil when it is online by it, or not there.
    func away(_ user: String) -> Int? {
        guard let seat = seats[user] else { return nil }
        return seat.awaySince ?? goneSince
    }
}
