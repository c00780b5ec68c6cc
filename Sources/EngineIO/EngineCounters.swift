public import CoreMetrics
import Synchronization

/// What the engine counts, for the whole node. Any thread may read.
public final class EngineCounters: Sendable {
    /// An integer that any thread may change.
    public final class Gauge: Sendable {
        private let storage = Atomic<Int>(0)

        public init() {}

        @discardableResult
        public func add(_ delta: Int) -> Int { storage.add(delta, ordering: .relaxed).newValue }

        public var value: Int { storage.load(ordering: .relaxed) }
    }

    /// Open connections.
    public let connections = Gauge()
    public let handshakes = Counter(label: "rejoin_engine_handshakes_total")
    public let handshakesRefused = Counter(label: "rejoin_engine_handshakes_refused_total")
    public let messagesReceived = Counter(label: "rejoin_engine_messages_received_total")
    /// Polling requests and upgrades of open sessions that were refused.
    public let requestsRefused = Counter(label: "rejoin_engine_requests_refused_total")
    /// Bodies of polling requests that did not end in time.
    public let payloadTimeouts = Counter(label: "rejoin_engine_payload_timeouts_total")
    public let upgrades = Counter(label: "rejoin_engine_upgrades_total")
    /// WebSockets that did not replace a session's polling in time.
    public let upgradeTimeouts = Counter(label: "rejoin_engine_upgrade_timeouts_total")
    /// Clients' connections, whatever they are used for.
    public let channels = Gauge()
    /// Connections to other nodes, for requests of their sessions.
    public let relays = Gauge()
    public let relayed = Counter(label: "rejoin_engine_relayed_total")
    /// Requests for other nodes that these did not answer.
    public let relayFailures = Counter(label: "rejoin_engine_relay_failures_total")
    /// Requests for other nodes beyond the limit.
    public let relaysRefused = Counter(label: "rejoin_engine_relays_refused_total")
    /// Requests that claim, without proof, that another node passed them on.
    public let relaysForged = Counter(label: "rejoin_engine_relays_forged_total")
    /// Accepted connections whose TLS handshake did not come to its end.
    public let tlsFailures = Counter(label: "rejoin_engine_tls_failures_total")
    public let violations = Counter(label: "rejoin_engine_violations_total")

    public init() {}
}
