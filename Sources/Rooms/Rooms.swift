public import Logging
public import NIOCore
public import RedisClient
public import ServiceLifecycle
public import Sessions
public import SocketIO

/// The rooms of one node: what players do in them is decided here, written by one script in Redis, and told to
/// everybody in the order of the room's versions.
///
/// A room that sockets of this node have entered is followed: a replica of it lives on one event loop (its home), the
/// same for as long as the node lives. Nothing that is told to anybody is only here: a node that dies takes nothing
/// with it.
///
/// When Redis cannot be reached, acts are ``ActResult/unavailable(message:)``, rooms stay as they are, and everything
/// goes on by itself once it can.
public final class Rooms: Sendable, Service {
    private let context: RoomContext
    private let shards: [RoomShard]

    /// What rooms may hold.
    public var limits: RoomLimits { context.limits }

    /// - Parameters:
    ///   - redis: where rooms are.
    ///   - subscriber: on the same Redis.
    ///   - prefix: before every key and channel; no braces.
    ///   - games: which game is played where.
    ///   - eventLoops: the homes of the replicas; one or more.
    ///   - audience: the sockets of this node.
    ///   - nodes: whose sockets count for presence; by default this node is alone.
    ///   - clock: Redis's.
    public init(
        redis: RedisClient, subscriber: RedisSubscriber, prefix: String, games: GameCatalog = GameCatalog(),
        limits: RoomLimits = RoomLimits(), eventLoops: [any EventLoop], audience: any RoomAudience,
        nodes: RoomNodes = .alone, clock: RedisClock = RedisClock(), logger: Logger
    ) {
        precondition(!eventLoops.isEmpty, "rooms need an event loop")
        let context = RoomContext(
            redis: redis, subscriber: subscriber, prefix: prefix, games: games, limits: limits, audience: audience,
            nodes: nodes, clock: clock, logger: logger)
        self.context = context
        self.shards = eventLoops.map { RoomShard(eventLoop: $0, context: context) }
    }

    /// Keeps the replicas true: compares them with Redis, and reads what they missed. Runs until cancelled or until the
    /// graceful shutdown; once.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            let timers = self.shards.flatMap { $0.startTimers() }
            defer {
                for timer in timers { timer.cancel() }
            }
            await withDiscardingTaskGroup { group in
                for shard in self.shards {
                    let executor = shard.executor
                    group.addTask(executorPreference: executor) { await shard.readQueuedRooms() }
                    group.addTask(executorPreference: executor) { await shard.checkRooms() }
                    group.addTask(executorPreference: executor) { await shard.serveQueuedPresence() }
                    group.addTask(executorPreference: executor) { await shard.renewPresence() }
                    group.addTask(executorPreference: executor) { await shard.tickRooms() }
                }
            }
        }
        // Those who go on need not wait until the leases are over.
        for shard in shards { await shard.endTicking() }
    }

    /// This node is about to leave: other nodes that have sockets in its rooms take over their clocks at once.
    public func pauseTicking() {
        for shard in shards { shard.onLoop { $0.pauseTicking() } }
    }

    // MARK: Sockets come and go

    /// Gets the answer to a join on the room's event loop, after every broadcast that the answer includes and before every
    /// later one. What is passed on from there as a broadcast is, at once on the same event loop and by `execute` to
    /// another, comes to the socket between them.
    public typealias HandOver = @Sendable (JoinAnswer) -> Void

    /// A socket joins: one more holder, until ``leave(_:as:on:_:)``; none when this throws.
    ///
    /// - Parameters:
    ///   - known: where the socket knows the room to be.
    ///   - member: what the socket is there.
    ///   - eventLoop: the socket's: others are not woken for it. `nil`: not known.
    ///   - handOver: called once, unless this throws, with what is returned too, where later broadcasts may have come
    ///     before it.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    @discardableResult
    public nonisolated(nonsending) func enter(
        _ room: RoomName, since known: RoomPosition? = nil, as member: RoomMember = .watcher,
        on eventLoop: (any EventLoop)? = nil, handOver: HandOver = { _ in }
    ) async throws(RoomError) -> JoinAnswer {
        try await shard(of: room).enter(room, since: known, as: member, on: eventLoop, handOver: handOver)
    }

    /// A socket that joined already asks again. As ``enter(_:since:as:on:handOver:)``.
    /// - Throws: ``RoomError`` when nobody of this node has entered the room, or Redis cannot be reached.
    @discardableResult
    public nonisolated(nonsending) func answer(
        _ room: RoomName, since known: RoomPosition? = nil, handOver: HandOver = { _ in }
    ) async throws(RoomError) -> JoinAnswer {
        try await shard(of: room).answer(room, since: known, handOver: handOver)
    }

    /// A socket leaves. The room is followed for some seconds more, in case somebody comes back.
    ///
    /// - Parameters:
    ///   - member: what the socket was there.
    ///   - eventLoop: the same as when it entered.
    ///   - departure: how it went.
    public func leave(
        _ room: RoomName, as member: RoomMember = .watcher, on eventLoop: (any EventLoop)? = nil,
        _ departure: RoomDeparture = .left
    ) {
        shard(of: room).onLoop { $0.leave(room, as: member, on: eventLoop, departure) }
    }

    /// A socket that stays in the room has been logged in or out.
    public func change(_ room: RoomName, from former: RoomMember, to member: RoomMember) {
        shard(of: room).onLoop { $0.change(room, from: former, to: member) }
    }

    // MARK: What they do

    /// Applies an action: decided on this node's replica, written only if what was read is still so.
    ///
    /// - Parameters:
    ///   - id: the same id of the same user is applied once, whatever node it comes to and however often.
    ///   - player: its `userID` is the guard's.
    ///   - session: what the socket remembers of its session.
    public nonisolated(nonsending) func act(
        _ room: RoomName, id: ActID, action: JSONBytes, by player: Player, guard session: SessionGuard
    ) async -> ActResult {
        await shard(of: room).act(room, id: id, action: action, by: player, authority: .session(session))
    }

    /// Passes a message on to the room's sockets on all nodes, but to the one it comes from. It is kept nowhere, and
    /// may be lost.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    public nonisolated(nonsending) func cast(
        _ room: RoomName, data: JSONBytes, by player: Player, socketID: String
    ) async throws(RoomError) {
        var by = JSONObjectWriter()
        by.member("id", string: player.userID)
        by.member("name", string: player.name)
        var argument = JSONObjectWriter()
        argument.member("room", string: room.string)
        argument.member("by", json: by.finish())
        argument.member("data", json: data)
        let message = RoomMessage.cast(argument.finish(), socket: socketID)
        let keys = RoomKeys(prefix: context.prefix, room: room)
        do throws(RedisError) {
            _ = try await context.redis.send("SPUBLISH", [.string(keys.channelName), .bytes(message)])
        } catch {
            throw .unavailable(error)
        }
    }

    // MARK: Looking at them

    /// All of a room, also of one that nobody of this node is in.
    /// - Throws: ``RoomError`` when that one cannot be read.
    public nonisolated(nonsending) func snapshot(_ room: RoomName) async throws(RoomError) -> JoinAnswer {
        try await shard(of: room).snapshot(room)
    }

    /// All of a room for one socket that fell behind.
    ///
    /// - Parameter handOver: gets the arguments of a `state` and of a `presence` event on the room's event loop, before
    ///   any later one is broadcast; it is not called when this node does not follow the room.
    public func sendSnapshot(
        of room: RoomName, handOver: @escaping @Sendable (_ state: JSONBytes, _ presence: JSONBytes) -> Void
    ) {
        shard(of: room).onLoop { shard in
            guard let held = shard.loadedRoom(room) else { return }
            handOver(held.replica.snapshot().object, held.presence.board.full(in: room))
        }
    }

    /// This node was deaf: every room is compared with Redis now.
    public func missedMessages() {
        for shard in shards { shard.onLoop { $0.doubtAll() } }
    }

    /// What happened since the start.
    public var statistics: RoomStatistics { context.counters.statistics }

    func shard(of room: RoomName) -> RoomShard {
        shards[Int(UInt(bitPattern: room.hashValue) % UInt(shards.count))]
    }
}
