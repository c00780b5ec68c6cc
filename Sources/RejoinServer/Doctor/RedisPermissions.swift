import RedisClient

/// The commands that nodes need, tried under the cluster's prefix on keys that nobody else has, and that end by
/// themselves.
struct RedisPermissions: Sendable {
    let redis: RedisClient
    let prefix: String
    /// As Redis's ACL names the user.
    let user: String

    /// How many keys' worth of trials stay at most, should this user not be allowed to delete: a minute.
    private static let life = "60000"

    func finding() async -> Finding {
        let key = "\(prefix)doctor:{\(String(UInt64.random(in: .min ... .max), radix: 36))}"
        var refused: [String] = []
        var reason = ""
        for (command, arguments) in Self.trials(key) {
            do throws(RedisError) {
                _ = try await redis.send(command, arguments)
            } catch {
                guard case .server(let word) = error.code, word == "NOPERM" else { return Self.failed(command, error) }
                if reason.isEmpty { reason = error.message }
                if !refused.contains(command.lowercased()) { refused.append(command.lowercased()) }
            }
        }
        guard refused.isEmpty else {
            return .fail(
                "redis.acl", "the user \(user) may not \(refused.joined(separator: ", ")) (\(reason))",
                expected: "all keys and channels that begin with \(prefix), and the commands that nodes use",
                advice:
                    "ACL SETUSER \(user) ~\(prefix)* &\(prefix)* +@all -@admin -@dangerous +info (docs/operations.md has a narrower list)"
            )
        }
        return .ok("redis.acl", "the user \(user) may do what is needed under \(prefix)")
    }

    private static func failed(_ command: String, _ error: RedisError) -> Finding {
        .fail(
            "redis.commands", "\(command.lowercased()) failed: \(error)", expected: "that Redis takes every command",
            advice: "see what Redis says of it in its log")
    }

    private static func trials(_ key: String) -> [(String, [RedisArgument])] {
        let (text, hash, sorted, stream) = ("\(key):s", "\(key):h", "\(key):z", "\(key):x")
        func ending(_ key: String) -> (String, [RedisArgument]) { ("PEXPIRE", [.string(key), .string(life)]) }
        return [
            ("TIME", []), ("INFO", ["replication"]), ("SCAN", ["0", "COUNT", "1"]), ("WAIT", ["0", "1"]),
            ("SET", [.string(text), "1", "PX", .string(life)]), ("GET", [.string(text)]),
            ("INCR", [.string(text)]), ("DECR", [.string(text)]), ("PTTL", [.string(text)]),
            ("EXISTS", [.string(text)]), ("EXPIRE", [.string(text), "60"]),
            ("HSET", [.string(hash), "a", "1"]), ending(hash), ("HSETNX", [.string(hash), "b", "1"]),
            ("HGET", [.string(hash), "a"]), ("HMGET", [.string(hash), "a"]), ("HGETALL", [.string(hash)]),
            ("HLEN", [.string(hash)]), ("HEXISTS", [.string(hash), "a"]), ("HRANDFIELD", [.string(hash), "1"]),
            ("HINCRBY", [.string(hash), "a", "1"]), ("HDEL", [.string(hash), "b"]),
            ("PEXPIREAT", [.string(hash), "1"]), ("PEXPIRETIME", [.string(hash)]),
            ("ZADD", [.string(sorted), "1", "a"]), ending(sorted), ("ZSCORE", [.string(sorted), "a"]),
            ("ZCARD", [.string(sorted)]), ("ZRANGE", [.string(sorted), "0", "0"]),
            ("ZRANGEBYSCORE", [.string(sorted), "0", "1"]), ("ZREM", [.string(sorted), "b"]),
            ("ZREMRANGEBYRANK", [.string(sorted), "5", "6"]), ("ZREMRANGEBYSCORE", [.string(sorted), "5", "6"]),
            ("XADD", [.string(stream), "1-0", "a", "1"]), ending(stream), ("XLEN", [.string(stream)]),
            ("XRANGE", [.string(stream), "-", "+"]), ("XTRIM", [.string(stream), "MAXLEN", "0"]),
            ("EVAL", ["return 1", "1", .string(text)]),
            ("PUBLISH", [.string(key), ""]), ("SPUBLISH", [.string(key), ""]),
            ("PUBSUB", ["NUMSUB", .string(key)]),
            ("DEL", [.string(text), .string(hash)]), ("UNLINK", [.string(sorted), .string(stream)]),
        ]
    }
}
