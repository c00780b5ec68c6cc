import RedisClient

enum RoomScripts {
    static let commit = script("commit", PackageResources.commit_lua, with: PackageResources.replica_lua)
    static let since = script("since", PackageResources.since_lua, with: PackageResources.replica_lua)
    static let leases = RedisScript(name: "leases", source: PackageResources.leases_lua)
    static let versions = RedisScript(name: "versions", source: PackageResources.versions_lua)
    static let summaries = RedisScript(name: "summaries", source: PackageResources.summaries_lua)
    static let refresh = RedisScript(name: "refresh", source: PackageResources.refresh_lua)
    static let presence = RedisScript(name: "presence", source: PackageResources.presence_lua)
    static let presenceRead = RedisScript(name: "presence-read", source: PackageResources.presence_read_lua)
    static let presenceRenew = RedisScript(name: "presence-renew", source: PackageResources.presence_renew_lua)
    static let presenceSweep = RedisScript(name: "presence-sweep", source: PackageResources.presence_sweep_lua)

    /// Puts what scripts have in common after the first line, which must stay the first.
    private static func script(_ name: String, _ source: [UInt8], with common: [UInt8]) -> RedisScript {
        let end = (source.firstIndex(of: UInt8(ascii: "\n")) ?? source.endIndex - 1) + 1
        return RedisScript(name: name, source: source[..<end] + common + source[end...])
    }
}
