import NIOCore
import RedisClient

/// The keys and channels of the cluster under one prefix.
struct ClusterKeys: Sendable {
    let prefix: String

    var nodes: String { prefix + "nodes" }
    var store: String { prefix + "nodes:store" }
    var control: String { prefix + "control" }

    /// A node's record, and its channel.
    func node(_ name: NodeName) -> String { prefix + "node:" + name.description }
}

/// The scripts of `Scripts/`.
enum ClusterScript {
    static let claim = RedisScript(name: "claim", source: PackageResources.claim_lua)
    static let heartbeat = RedisScript(name: "heartbeat", source: PackageResources.heartbeat_lua)
    static let leave = RedisScript(name: "leave", source: PackageResources.leave_lua)
    static let ask = RedisScript(name: "ask", source: PackageResources.ask_lua)
    static let drain = RedisScript(name: "drain", source: PackageResources.drain_lua)
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var wholeMilliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
