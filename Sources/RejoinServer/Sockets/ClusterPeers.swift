import Cluster
import EngineIO
import Logging
import Sessions
import Synchronization

/// The other nodes, as the engine needs them to pass requests on: by the registry, and by the keys that all nodes share.
struct ClusterPeers: EnginePeers {
    let cluster: Cluster
    let keys: KeyRing
    let clock: RedisClock
    let logger: Logger
    private let warnings = PeerWarnings()

    init(cluster: Cluster, keys: KeyRing, clock: RedisClock, logger: Logger) {
        self.cluster = cluster
        self.keys = keys
        self.clock = clock
        self.logger = logger
    }

    /// Redis's time: the clocks of two machines need not agree.
    var now: Int64 { Int64(clock.now) }

    func address(ofNode name: String) -> EnginePeerAddress? {
        guard let node = NodeName(name), let record = cluster.node(node), let address = HostAndPort(record.address)
        else {
            return nil
        }
        return EnginePeerAddress(host: address.host, port: address.port, isTLS: record.isTLS)
    }

    func noTLS(withNode name: String, _ reason: String) {
        guard warnings.isDue(name) else { return }
        logger.warning(
            "no tls with a node: its sockets' requests are not passed on",
            metadata: ["peer": "\(name)", "error": "\(reason)"])
    }

    func sign(_ message: String) -> String? { keys.sign(message, for: Self.purpose) }

    func verify(_ signature: String, of message: String) -> Bool {
        keys.verify(signature, of: message, for: Self.purpose)
    }

    private static let purpose = "relay"
}

/// Which nodes a warning was given of lately: one a node and minute, however many requests it concerns.
private final class PeerWarnings: Sendable {
    private static let pause = Duration.seconds(60)
    private let last = Mutex<[String: ContinuousClock.Instant]>([:])

    /// Whether to warn of a node now.
    func isDue(_ name: String) -> Bool {
        let now = ContinuousClock.now
        return last.withLock { last in
            last = last.filter { now - $0.value < Self.pause }
            guard last[name] == nil else { return false }
            last[name] = now
            return true
        }
    }
}
