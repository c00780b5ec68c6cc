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
    static let recoveryWrite = script("recovery-write", PackageResources.recovery_write_lua)
    static let recoveryTake = RedisScript(name: "recovery-take", source: PackageResources.recovery_take_lua)
    static let recoveryRead = script("recovery-read", PackageResources.recovery_read_lua)
    static let drain = RedisScript(name: "drain", source: PackageResources.drain_lua)

    /// Puts what the recovery scripts have in common after the first line, which must stay the first.
    private static func script(_ name: String, _ source: [UInt8]) -> RedisScript {
        let end = (source.firstIndex(of: UInt8(ascii: "\n")) ?? source.endIndex - 1) + 1
        return RedisScript(name: name, source: source[..<end] + PackageResources.recovery_order_lua + source[end...])
    }
}

/// The keys of one namespace with connection state recovery: all of one hash tag.
struct RecoveryKeys: Sendable {
    private let base: String

    init(prefix: String, namespace: String) {
        base = prefix + "io:{" + namespace + "}"
    }

    /// Where the one order of the namespace stands; also the channel's name.
    var order: String { base }
    /// The messages to a room; the room of everybody is the empty name.
    func log(_ room: String) -> String { base + ":log:" + room }
    func state(_ id: String) -> String { base + ":state:" + id }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var wholeMilliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
