public import RedisClient

/// All rooms of a cluster as Redis has them, for those who are in none: operators and backends.
public struct RoomDirectory: Sendable {
    let redis: RedisClient
    let prefix: String

    /// How many rooms a part has at most.
    public static let maximumListed = 1_000
    /// How many steps a part may take, each over as many keys as it still wants rooms.
    private static let stepsOfScan = 64
    /// How long a part goes on.
    private static let timeOfScan = Duration.milliseconds(300)
    /// Rooms in one call of a script.
    private static let batch = 256

    /// - Parameters:
    ///   - redis: where rooms are.
    ///   - prefix: before every key; no braces.
    public init(redis: RedisClient, prefix: String) {
        self.redis = redis
        self.prefix = prefix
    }

    /// A part of all rooms, in no order: a walk over Redis's keys that holds nobody up.
    ///
    /// A room that is there from the first part to the last is listed, perhaps twice; one that comes or goes meanwhile
    /// may be.
    ///
    /// - Parameters:
    ///   - beginning: how the names begin; any when empty. Room names' characters only, else no room is found.
    ///   - cursor: where the part begins.
    ///   - limit: 1 to 1,000. Redis counts by slots of its table: a few more may come, and where other keys are many,
    ///     fewer.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    public func page(
        beginning: String = "", from cursor: RoomCursor = .start, limit: Int
    ) async throws(RoomError) -> RoomPage {
        guard beginning.isEmpty || RoomName(beginning) != nil else { return RoomPage(rooms: [], next: nil) }
        let limit = min(max(1, limit), Self.maximumListed)
        let deadline = ContinuousClock.now + Self.timeOfScan
        let pattern = RoomKeys.pattern(prefix: prefix, beginning: beginning)
        var names: [RoomName] = []
        var cursor = cursor
        for _ in 0..<Self.stepsOfScan {
            let reply = try await Self.serving { () async throws(RedisError) in
                try await redis.send(
                    "SCAN",
                    [
                        .string(cursor.description), "MATCH", .string(pattern), "COUNT",
                        .integer(limit - names.count),
                    ])
            }
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string.flatMap({ RoomCursor($0) }),
                let keys = parts[1].array
            else { throw .unavailable() }
            names += keys.compactMap { $0.string.flatMap { RoomKeys.room(ofKey: $0, prefix: prefix) } }
            cursor = next
            if cursor == .start || names.count >= limit || ContinuousClock.now >= deadline { break }
        }
        return RoomPage(rooms: try await summaries(of: names), next: cursor == .start ? nil : cursor)
    }

    /// All of a room as it is in Redis now: what was acknowledged before is in it.
    ///
    /// - Returns: nil when nobody has acted in it, or it was forgotten.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    public func room(_ name: RoomName) async throws(RoomError) -> JoinAnswer? {
        guard let replicationID = redis.server?.replicationID else { throw .unavailable() }
        let keys = RoomKeys(prefix: prefix, room: name)
        let reply = try await Self.serving { () async throws(RedisError) in
            // Nothing is known of it, and no step of the log is wanted: all of the room.
            try await redis.eval(
                RoomScripts.since, keys: [keys.room, keys.log, keys.acts],
                arguments: [
                    .string(keys.channelName), .string(replicationID), .string(RoomContext.freshEpoch()), "",
                    .integer(0), .integer(0),
                ])
        }
        guard let values = reply.array, values.count == 6, let reading = RoomReading(values[2...]) else {
            throw .unavailable()
        }
        guard reading.position.version > 0 else { return nil }
        let replica = RoomReplica(name: name)
        _ = replica.received(reading, asked: replica.position)
        return replica.snapshot()
    }

    private func summaries(of names: [RoomName]) async throws(RoomError) -> [RoomSummary] {
        var summaries: [RoomSummary] = []
        summaries.reserveCapacity(names.count)
        for start in stride(from: 0, to: names.count, by: Self.batch) {
            let batch = names[start..<min(start + Self.batch, names.count)]
            let reply = try await Self.serving { () async throws(RedisError) in
                try await redis.eval(
                    RoomScripts.summaries, keys: batch.map { RoomKeys(prefix: prefix, room: $0).room }, arguments: [])
            }
            guard let values = reply.array, values.count == 4 * batch.count else { throw .unavailable() }
            for (index, name) in batch.enumerated() {
                let stored = values[(4 * index)...].prefix(4).map { $0.string ?? "" }
                guard let version = Int(stored[0]), version > 0 else { continue }  // gone meanwhile
                summaries.append(
                    RoomSummary(
                        name: name, position: RoomPosition(epoch: stored[1], version: version),
                        fields: Int(stored[2]) ?? 0, bytes: Int(stored[3]) ?? 0))
            }
        }
        return summaries
    }

    static func serving<Reply>(
        _ body: () async throws(RedisError) -> Reply
    ) async throws(RoomError) -> Reply {
        do throws(RedisError) {
            return try await body()
        } catch {
            throw .unavailable(error)
        }
    }
}
