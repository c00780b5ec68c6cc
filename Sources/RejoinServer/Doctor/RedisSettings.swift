/// What a Redis says of its settings (`INFO`, `CONFIG GET`), judged. A value that could not be asked for is `nil`.
struct RedisSettings: Sendable {
    /// The fields of `INFO`: `server`, `memory`, `persistence` and `replication`.
    var info: [String: String] = [:]
    /// `CONFIG GET`; `nil` when this user may not.
    var config: [String: String]?

    /// The settings that are asked for by `CONFIG GET`.
    static let names = ["min-replicas-to-write", "client-output-buffer-limit", "appendfsync", "save"]

    var findings: [Finding] {
        [version, role, memory, persistence, replicas, pubSubBuffer]
    }

    private var version: Finding {
        let text = info["redis_version"] ?? "unknown"
        let major = text.split(separator: ".").first.flatMap { Int($0) } ?? 0
        guard major >= 7 else {
            return .fail(
                "redis.version", text, expected: "7.0 or later: sharded pub/sub and flags of scripts",
                advice: "upgrade Redis")
        }
        return .ok("redis.version", text)
    }

    private var role: Finding {
        let role = info["role"] ?? "unknown"
        return role == "master"
            ? .ok("redis.role", "primary")
            : .fail(
                "redis.role", role == "slave" ? "replica" : role, expected: "a primary",
                advice: "give the address of the primary, or one that follows it")
    }

    private var memory: Finding {
        guard let policy = info["maxmemory_policy"], let maximum = info["maxmemory"].flatMap({ Int($0) }) else {
            return .unknown("redis.memory", expected: "maxmemory-policy noeviction")
        }
        let advice = "CONFIG SET maxmemory-policy noeviction, and in redis.conf"
        guard policy == "noeviction" else {
            let expected = "noeviction: anything else throws sessions and rooms away when memory is short"
            return maximum == 0
                ? .warn(
                    "redis.memory", "maxmemory-policy \(policy), without a maxmemory", expected: expected,
                    advice: advice)
                : .fail(
                    "redis.memory", "maxmemory-policy \(policy), maxmemory \(Self.bytes(maximum))", expected: expected,
                    advice: advice)
        }
        let used = info["used_memory"].flatMap { Int($0) } ?? 0
        let found = "maxmemory-policy noeviction, \(Self.bytes(used)) used"
        guard maximum > 0 else { return .ok("redis.memory", found) }
        let whole = "\(found) of \(Self.bytes(maximum))"
        return used > maximum / 10 * 9
            ? .warn(
                "redis.memory", whole, expected: "less than nine tenths of it",
                advice: "give Redis more memory: a full one takes no login and no act")
            : .ok("redis.memory", whole)
    }

    private var persistence: Finding {
        let expected = "appendonly yes and appendfsync everysec: a crash loses a second at most"
        let advice = "CONFIG SET appendonly yes, and in redis.conf"
        guard let isOn = info["aof_enabled"] else { return .unknown("redis.persistence", expected: expected) }
        if isOn == "1" {
            switch config?["appendfsync"] {
            case nil: return .ok("redis.persistence", "appendonly yes")
            case "no":
                return .warn(
                    "redis.persistence", "appendonly yes, appendfsync no", expected: expected,
                    advice: "CONFIG SET appendfsync everysec, and in redis.conf")
            case let how?: return .ok("redis.persistence", "appendonly yes, appendfsync \(how)")
            }
        }
        let save = config?["save"]
        let found =
            save == nil
            ? "appendonly no" : save == "" ? "nothing is written to disk" : "snapshots alone (save \(save ?? ""))"
        return .warn("redis.persistence", found, expected: expected, advice: advice)
    }

    private var replicas: Finding {
        let check = "redis.replicas"
        let count = info["connected_slaves"].flatMap { Int($0) } ?? 0
        let expected = "min-replicas-to-write 1 where there are replicas"
        guard let text = config?["min-replicas-to-write"], let minimum = Int(text) else {
            return count == 0 && config != nil
                ? .ok(check, "none") : .unknown(check, expected: expected)
        }
        if minimum > count {
            return .fail(
                check, "\(count) replicas, min-replicas-to-write \(minimum)",
                expected: "as many replicas as writes wait for: Redis refuses every write now",
                advice: "start the replicas, or lower min-replicas-to-write")
        }
        if count > 0, minimum == 0 {
            return .warn(
                check, "\(count) replicas, min-replicas-to-write 0",
                expected: "\(expected): a primary that was cut off goes on acknowledging what is lost",
                advice: "CONFIG SET min-replicas-to-write 1, and in redis.conf")
        }
        return .ok(check, count == 0 ? "none" : "\(count), min-replicas-to-write \(minimum)")
    }

    /// `CLASS HARD SOFT SECONDS` for each class of clients, 0 for no limit.
    private var pubSubBuffer: Finding {
        let check = "redis.pubsub-buffer"
        let expected = "8 MiB at least, 0 for no limit: a burst must not cut the nodes off"
        guard let limits = config?["client-output-buffer-limit"] else { return .unknown(check, expected: expected) }
        let words = limits.split(separator: " ")
        guard let index = words.firstIndex(of: "pubsub"), words.count > index + 3, let hard = Int(words[index + 1]),
            let soft = Int(words[index + 2])
        else { return .unknown(check, expected: expected) }
        let found =
            hard == 0 && soft == 0
            ? "no limit" : "\(Self.bytes(hard)), \(Self.bytes(soft)) for \(words[index + 3]) s"
        let least = [hard, soft].filter { $0 > 0 }.min() ?? .max
        return least < 8 << 20
            ? .warn(
                check, found, expected: expected,
                advice: "CONFIG SET client-output-buffer-limit \"pubsub 33554432 8388608 60\", and in redis.conf")
            : .ok(check, found)
    }

    private static func bytes(_ count: Int) -> String {
        count >= 1 << 20 ? "\(count >> 20) MiB" : count == 0 ? "0" : "\(count >> 10) KiB"
    }

    /// Reads the lines `name:value` of a reply of `INFO`.
    mutating func read(info text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            info[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
    }
}
