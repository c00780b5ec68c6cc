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

    /// Reads the lines `name:value` of the two sections of `INFO`.
    ///
    /// - Throws: `protocolViolation` when one of the three is missing.
    init(replies: [RedisValue]) throws(RedisError) {
        var replicationID: String?
        var version: String?
        var role: Role?
        for line in replies.compactMap(\.string).flatMap({ $0.utf8.split { $0 == 10 || $0 == 13 } }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = String(line[line.index(after: colon)...])
            switch String(line[..<colon]) {
            case "master_replid": replicationID = value
            case "redis_version": version = value
            case "role": role = value == "master" ? .primary : .replica
            default: continue
            }
        }
        guard let replicationID, let version, let role else {
            throw RedisError(
                code: .protocolViolation, message: "redis did not say its version, role and replication id")
        }
        self.init(replicationID: replicationID, version: version, role: role)
    }
}
