import RedisClient

extension RoomDirectory {
    /// Who is in a room, by what its nodes have written: up to a second old.
    ///
    /// - Parameters:
    ///   - live: the nodes of the registry. A node that is not among them, or did not renew its part for two and a half
    ///     times ``RoomLimits/presenceRenewal``, is gone: its watchers do not count, and its users are away, since then,
    ///     which is about when the other nodes noticed it.
    ///   - limits: as the nodes have them; of these ``RoomLimits/presenceGrace``.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    public func members(
        of name: RoomName, live: Set<NodeStart>, limits: RoomLimits
    ) async throws(RoomError) -> RoomMembers {
        let keys = RoomKeys(prefix: prefix, room: name)
        let reply = try await Self.serving { () async throws(RedisError) in
            try await redis.eval(RoomScripts.presenceRead, keys: [keys.here], arguments: [])
        }
        guard let values = reply.array, values.count == 2, let now = values[0].int, let list = values[1].array else {
            throw .unavailable()
        }
        var reading = PresenceReading(list, limit: PresenceBoard.maximumUsers)
        // No node: it has no sockets and writes nothing.
        var board = PresenceBoard(own: RoomNodes.alone.own, grace: limits.presenceGrace.milliseconds)
        let late = (limits.presenceRenewal * 5 / 2).milliseconds
        var silent: Set<NodeStart> = []
        for (node, part) in reading.parts {
            guard let stamp = part.stamp, stamp + late < now || !live.contains(node) else { continue }
            silent.insert(node)
            reading.parts[node]?.stamp = stamp + late
        }
        let isLive = { (node: NodeStart) in live.contains(node) && !silent.contains(node) }
        board.read(reading, isLive: isLive, isFirst: true, now: now)
        board.expire(now: now)
        return RoomMembers(board)
    }
}
