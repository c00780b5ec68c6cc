public import RedisClient

/// The registry, as those see it who are not a node.
public enum NodeDirectory {
    /// The live nodes, in the order of their names.
    ///
    /// - Parameters:
    ///   - redis: a connected client.
    ///   - prefix: the cluster's; default `rejoin:`.
    ///   - deadAfter: without heartbeat for so long a node is dead. Default 10 s.
    /// - Throws: `RedisError`.
    public static func fetch(
        redis: RedisClient, prefix: String = "rejoin:", deadAfter: Duration = .seconds(10)
    ) async throws -> [NodeRecord] {
        let keys = ClusterKeys(prefix: prefix)
        let time = try await redis.send("TIME", []).array ?? []
        let heartbeats =
            try await redis.send("ZRANGE", [.string(keys.nodes), "0", "511", "WITHSCORES"]).array ?? []
        guard let now = milliseconds(time) else { return [] }
        let limit = deadAfter.wholeMilliseconds
        return try await withThrowingTaskGroup(of: NodeRecord?.self) { group in
            for index in stride(from: 0, to: heartbeats.count - 1, by: 2) {
                guard let name = heartbeats[index].string.flatMap({ NodeName($0) }),
                    let heartbeat = heartbeats[index + 1].string.flatMap({ Double($0) }).flatMap({ Int(exactly: $0) }),
                    (now &- limit...now &+ limit).contains(heartbeat)
                else { continue }
                group.addTask {
                    let fields = try await redis.send("HGETALL", [.string(keys.node(name))]).array ?? []
                    return NodeRecord(name: name, age: .milliseconds(max(0, now - heartbeat)), fields: fields[...])
                }
            }
            var records: [NodeRecord] = []
            for try await record in group {
                if let record { records.append(record) }
            }
            return records.sorted { $0.name < $1.name }
        }
    }

    /// Asks a node to drain. It reads the request with its next heartbeat, also when it is deaf.
    ///
    /// - Parameter timeout: how long it may take to say that it drains. Default 5 s.
    /// - Returns: its record, which says `draining`; or nil when it has left already.
    /// - Throws: ``ClusterError`` `unknownNode`, `timeout`; `RedisError`.
    public static func requestDrain(
        redis: RedisClient, prefix: String = "rejoin:", node: NodeName, timeout: Duration = .seconds(5)
    ) async throws -> NodeRecord? {
        let keys = ClusterKeys(prefix: prefix)
        guard let before = try await fetch(redis: redis, prefix: prefix).first(where: { $0.name == node }),
            try await redis.eval(
                ClusterScript.drain, keys: [keys.node(node)], arguments: [.string(Incarnation.random().description)]
            ).int == 1
        else { throw ClusterError(.unknownNode, "there is no node \(node)") }
        let deadline = ContinuousClock.now + timeout
        while ContinuousClock.now < deadline {
            let record = try await fetch(redis: redis, prefix: prefix).first { $0.name == node }
            guard let record, record.incarnation == before.incarnation else { return nil }
            if record.state == .draining { return record }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ClusterError(.timeout, "node \(node) did not say within \(timeout) that it drains")
    }

    /// Redis's `TIME`: seconds and microseconds.
    private static func milliseconds(_ time: [RedisValue]) -> Int? {
        guard time.count == 2, let seconds = time[0].string.flatMap({ Int($0) }),
            let microseconds = time[1].string.flatMap({ Int($0) }), 0..<(1 << 40) ~= seconds
        else { return nil }
        return seconds * 1_000 + microseconds / 1_000
    }
}
