/// Who is in a room that this node holds, and what is to be done about it. Confined to its event loop.
final class RoomPresence {
    /// Messages that can wait for the reading under way.
    static let maximumWaiting = 64

    var board: PresenceBoard
    /// Whether the parts of the other nodes were read since the room is held.
    var isRead = false
    /// The replication id of the Redis that they were read from.
    var readFrom: String?
    /// When all parts are to be read again, because Redis was one from before, and the nodes write theirs again.
    var confirmation: ContinuousClock.Instant?
    /// Something may be missing: all parts are to be read.
    var isDoubtful = true
    var isReading = false
    /// Whether something is under way to Redis.
    var isBusy = false
    var isQueued = false
    /// What came while all parts were read.
    var waiting: [PresenceMessage] = []
    /// When Redis is asked or told next, and when clients are told.
    var serviceDue: ContinuousClock.Instant?
    var tellingDue: ContinuousClock.Instant?
    var lastService: ContinuousClock.Instant?
    var lastTelling: ContinuousClock.Instant?
    /// How many changes Redis had when this node had as many as beside it.
    var suspicion: (stored: Int, known: Int)?
    /// Nodes that did not say for long that they follow the room; once is not enough to be gone.
    var silent: Set<NodeStart> = []
    var gone: Set<NodeStart> = []

    /// - Parameters:
    ///   - own: this start of this node.
    ///   - grace: for how long a user stays whose last socket was closed, in ms.
    init(own: NodeStart, grace: Int) {
        board = PresenceBoard(own: own, grace: grace)
    }

    /// Whether the room must still be held although nobody is in it: a user is kept, or Redis does not know that nobody
    /// is here.
    var isOwed: Bool {
        board.isUnwritten || isBusy
    }
}
