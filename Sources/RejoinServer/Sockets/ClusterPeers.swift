import Cluster
import EngineIO
import Sessions

/// The other nodes, as the engine needs them to pass requests on: by the registry, and by the keys that all nodes share.
struct ClusterPeers: EnginePeers {
    let cluster: Cluster
    let keys: KeyRing
    let clock: RedisClock

    /// Redis's time: the clocks of two machines need not agree.
    var now: Int64 { Int64(clock.now) }

    func address(ofNode name: String) -> EnginePeerAddress? {
        guard let node = NodeName(name), let record = cluster.node(node), let address = HostAndPort(record.address)
        else {
            return nil
        }
        return EnginePeerAddress(host: address.host, port: address.port)
    }

    func sign(_ message: String) -> String? { keys.sign(message, for: Self.purpose) }

    func verify(_ signature: String, of message: String) -> Bool {
        keys.verify(signature, of: message, for: Self.purpose)
    }

    private static let purpose = "relay"
}
