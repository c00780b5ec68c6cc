import EngineIO

/// Accepts clients while the file descriptors last: those for requests that are passed on to other nodes count too.
struct ConnectionBudget: Sendable {
    /// Connections that are accepted beyond the maximum, for as long as it takes to refuse their handshakes: who is not
    /// accepted waits in the system's queue, and is never told. Their descriptors are among the 128 that are spared.
    private static let refusals = 32

    private let maximum: Int
    private let counters: EngineCounters

    private let accepting: Int

    /// - Parameters:
    ///   - maximum: clients' connections and relays together.
    ///   - accepting: connections that may be accepted after ``hasRoom`` has said that there is none.
    init(_ maximum: Int, accepting: Int, counters: EngineCounters) {
        self.accepting = accepting
        self.maximum = maximum
        self.counters = counters
    }

    var hasRoom: Bool {
        counters.channels.value + counters.relays.value < maximum + Self.refusals
            && DescriptorReserve.isWhole(accepting: accepting)
    }
}
