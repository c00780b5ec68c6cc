import NIOCore
import RedisClient

/// A room that this node follows, or begins or ceases to. Confined to its event loop.
final class HeldRoom {
    enum Phase {
        /// Not followed.
        case idle
        /// The subscription begins and the room is read.
        case loading
        /// The replica follows.
        case loaded
        /// The subscription ends.
        case closing
    }

    let name: RoomName
    let game: any Game
    let keys: RoomKeys
    let replica: RoomReplica
    /// 0: never.
    let ticksPerSecond: Int
    var lease = TickLease()
    let inFlight = ActsInFlight()
    let presence: RoomPresence
    var phase = Phase.idle
    /// Sockets that joined, or are about to.
    var holders = 0
    /// Since when there are none.
    var idleSince = ContinuousClock.now
    /// Who waits for the end of loading or closing.
    var phaseWaiters: [CheckedContinuation<RoomError?, Never>] = []

    /// Messages may have been missed: the next check does not wait whether they are just late.
    var isDoubtful = false
    var isQueued = false
    var isReading = false
    /// Who waits for the reading under way.
    var readingWaiters: [CheckedContinuation<RoomError?, Never>] = []
    var pace: PatchPace
    var isSettlingWatched = false

    init(name: RoomName, game: any Game, keys: RoomKeys, presence: RoomPresence) {
        self.name = name
        self.game = game
        self.keys = keys
        self.ticksPerSecond = game.ticksPerSecond
        self.replica = RoomReplica(name: name)
        self.pace = PatchPace(interval: TimeAmount(game.patchInterval))
        self.presence = presence
    }

    func endPhase(_ phase: Phase, error: RoomError? = nil) {
        self.phase = phase
        let waiters = phaseWaiters
        phaseWaiters = []
        for waiter in waiters { waiter.resume(returning: error) }
    }

    func endReading(error: RoomError?) {
        isReading = false
        let waiters = readingWaiters
        readingWaiters = []
        for waiter in waiters { waiter.resume(returning: error) }
    }
}
