/// What a Redis server says of itself (`INFO server` and `INFO replication`), read on each new connection.
public struct RedisServerInfo: Sendable, Hashable {
    public enum Role: Sendable, Hashable {
        case primary
        case replica
    }

    /// `master_replid`: another one after a restart, a promotion, or when a primary's first replica attaches.
    public let replicationID: String
    /// `redis_version`, for instance `7.0.15`.
    public let version: String
    public let role: Role

    public init(replicationID: String, version: String, role: Role) {
        self.replicationID = replicationID
        self.version = version
        self.role = role
    }

    /// Reads the lines `name:value` of the two sections; nil when one of the three is missing.
    init?(sections: [String]) {
        var replicationID: String?
        var version: String?
        var role: Role?
        for line in sections.joined(separator: "\n").utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[line.index(after: colon)...]
            switch String(line[..<colon]) {
            case "master_replid": replicationID = String(value)
            case "redis_version": version = String(value)
            case "role": role = String(value) == "master" ? .primary : .replica
            default: continue
            }
        }
        guard let replicationID, let version, let role else { return nil }
        self.init(replicationID: replicationID, version: version, role: role)
    }
}
