import Metrics
import Synchronization

/// Why a message of the bus was thrown away.
public enum ClusterDrop: String, Sendable, Hashable, CaseIterable {
    /// More bytes than a message may have.
    case tooLarge = "too_large"
    /// No message of the bus.
    case malformed
    /// Nobody handles its kind here.
    case unknownKind = "unknown_kind"
    /// The sender is not in the registry.
    case unknownNode = "unknown_node"
    /// More messages wait than may.
    case overflow
    /// An answer, or a canary, that nobody waits for (any more).
    case unexpected
}

/// Counts what is thrown away, here and as `rejoin_cluster_messages_dropped_total`.
final class DropCounter: Sendable {
    private let counts = Mutex<[ClusterDrop: Int]>([:])
    private let counters: [ClusterDrop: Counter] = Dictionary(
        uniqueKeysWithValues: ClusterDrop.allCases.map {
            ($0, Counter(label: "rejoin_cluster_messages_dropped_total", dimensions: [("reason", $0.rawValue)]))
        })

    func count(_ drop: ClusterDrop) {
        counters[drop]?.increment()
        counts.withLock { $0[drop, default: 0] += 1 }
    }

    var all: [ClusterDrop: Int] { counts.withLock { $0 } }
}
