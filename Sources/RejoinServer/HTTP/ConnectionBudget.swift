import EngineIO
import HummingbirdCore

/// Accepts clients while the file descriptors last: those for requests that are passed on to other nodes count too.
struct ConnectionBudget: AvailableConnectionsDelegate {
    /// Connections that are accepted beyond the maximum, for as long as it takes to refuse their handshakes: who is not
    /// accepted waits in the system's queue, and is never told. Their descriptors are among the 128 that are spared.
    private static let refusals = 32

    let maximum: Int
    let counters: EngineCounters
    private var accepted = 0

    /// - Parameter maximum: clients' connections and relays together.
    init(_ maximum: Int, counters: EngineCounters) {
        self.maximum = maximum
        self.counters = counters
    }

    mutating func connectionOpened() {
        accepted += 1
    }

    mutating func connectionClosed() {
        accepted -= 1
    }

    // With nobody accepted nobody's end would be waited for.
    func isAcceptingNewConnections() -> Bool {
        accepted == 0 || (accepted + counters.relays.value < maximum + Self.refusals && DescriptorReserve.isWhole)
    }
}
