import RedisClient

/// What a heartbeat was answered with.
enum HeartbeatReply: Sendable {
    /// The name is this node's; who lives.
    case owned(NodeList)
    /// The name belongs to another incarnation now.
    case taken
    /// No answer of the heartbeat script.
    case malformed

    init(_ value: RedisValue, readAt: ContinuousClock.Instant) {
        guard let parts = value.array, let status = parts.first?.string else {
            self = .malformed
            return
        }
        switch status {
        case "taken":
            self = .taken
        case "owned" where parts.count >= 3:
            var list = NodeList(readAt: readAt)
            list.storeID = parts[1].string.flatMap { $0.isEmpty ? nil : $0 }
            list.drainRequest = parts[2].string.flatMap { $0.isEmpty ? nil : $0 }
            for entry in parts.dropFirst(3) { list.add(entry) }
            self = .owned(list)
        default:
            self = .malformed
        }
    }
}

extension NodeList {
    /// Adds `{name, age in milliseconds, field, value, …}`; what is no such entry is nobody's record.
    mutating func add(_ entry: RedisValue) {
        guard let parts = entry.array, parts.count >= 2, let name = parts[0].string.flatMap({ NodeName($0) }),
            let age = parts[1].int
        else { return }
        if parts.count == 2 {
            unread.insert(name)
        } else if let record = NodeRecord(
            name: name, age: .milliseconds(min(max(0, age), 3_600_000)), fields: parts[2...])
        {
            records[name] = record
        }
    }
}
