import Logging
import RedisClient
import Sessions
import Synchronization

/// What all shards of a node share.
final class RoomContext: Sendable {
    let redis: RedisClient
    let subscriber: RedisSubscriber
    let prefix: String
    let games: GameCatalog
    let limits: RoomLimits
    let audience: any RoomAudience
    let nodes: RoomNodes
    let clock: RedisClock
    let counters = RoomCounters()
    let logger: Logger
    /// A replication id that Redis said is not its own any more, and its own.
    private let correction = Mutex<(told: String, actual: String)?>(nil)

    init(
        redis: RedisClient, subscriber: RedisSubscriber, prefix: String, games: GameCatalog, limits: RoomLimits,
        audience: any RoomAudience, nodes: RoomNodes, clock: RedisClock, logger: Logger
    ) {
        self.redis = redis
        self.subscriber = subscriber
        self.prefix = prefix
        self.games = games
        self.limits = limits
        self.audience = audience
        self.nodes = nodes
        self.clock = clock
        self.logger = logger
    }

    /// The replication id of the Redis that this node is connected to.
    func replicationID() throws(RoomError) -> String {
        guard let told = redis.server?.replicationID else { throw .unavailable() }
        return correction.withLock { $0?.told == told ? $0?.actual : nil } ?? told
    }

    /// - Parameters:
    ///   - actual: what a script answered with.
    ///   - used: what it was given.
    func correct(_ actual: String, used: String) {
        guard actual != used, !actual.isEmpty, let told = redis.server?.replicationID else { return }
        correction.withLock { $0 = (told, actual) }
    }

    /// A room of this node that is held from now on.
    func held(_ name: RoomName) -> HeldRoom {
        HeldRoom(
            name: name, game: games.game(for: name), keys: RoomKeys(prefix: prefix, room: name),
            presence: RoomPresence(own: nodes.own, grace: limits.presenceGrace.milliseconds))
    }

    /// A name for an epoch that may begin, as every act brings one along: 128 bits, random in this process and counted
    /// up from there, in 22 characters.
    static func freshEpoch() -> String {
        var bits = epochBase.0
        let low = epochBase.1 &+ epochCount.wrappingAdd(1, ordering: .relaxed).newValue
        return String(unsafeUninitializedCapacity: 22) { bytes in
            for index in 0..<22 {
                if index == 11 { bits = low }
                bytes[index] = epochAlphabet[Int(bits & 63)]
                bits >>= 6
            }
            return 22
        }
    }

    // A call of the system for each act would be what shows.
    private static let epochBase = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    private static let epochCount = Atomic<UInt64>(0)
    private static let epochAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
}
