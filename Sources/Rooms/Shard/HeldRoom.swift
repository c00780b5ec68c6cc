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
    /// Where those of them are that are told what happens.
    var listeners = RoomListeners()
    /// Since when there are none.
    var idleSince = ContinuousClock.now
    /// Who waits for the end of loading or closing.
    private var phaseWaiters: [CheckedContinuation<RoomError?, Never>] = []

    /// Messages may have been missed: the next check does not wait whether they are just late.
    var isDoubtful = false
    var isQueued = false
    var isReading = false
    /// Who waits for the reading under way.
    private var readingWaiters: [CheckedContinuation<RoomError?, Never>] = []
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

    /// Waits for the end of loading or closing; not at all when there is nothing to wait for any more.
    ///
    /// - Returns: why it came to nothing.
    func phaseEnd() async -> RoomError? {
        await withCheckedContinuation { continuation in
            switch phase {
            case .loading, .closing: phaseWaiters.append(continuation)
            case .idle, .loaded: continuation.resume(returning: nil)
            }
        }
    }

    /// Waits for the end of the reading under way; not at all when there is none any more.
    ///
    /// - Returns: why it came to nothing.
    func readingEnd() async -> RoomError? {
        await withCheckedContinuation { continuation in
            if isReading {
                readingWaiters.append(continuation)
            } else {
                continuation.resume(returning: nil)
            }
        }
    }

    func endReading(error: RoomError?) {
        isReading = false
        let waiters = readingWaiters
        readingWaiters = []
        for waiter in waiters { waiter.resume(returning: error) }
    }
}
