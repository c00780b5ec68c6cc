import EngineIO
import PrometheusMetrics
import SocketIO

extension NodeParts {
    /// What is asked for at every look at `/metrics`.
    func addSamples(to registry: PrometheusRegistry) {
        registry.addProcessMetrics()
        registry.sample("rejoin_engine_connections", "Open connections.") { [server] in
            Double(server.engine.counters.connections.value)
        }
        registry.sample("rejoin_engine_relays", "Requests and WebSockets of other nodes on their way through.") {
            [server] in
            Double(server.engine.counters.relays.value)
        }
        registry.sample("rejoin_socket_sockets", "Connected sockets.") { [server] in
            Double(server.counters.sockets.value)
        }
        registry.sample("rejoin_node_ready", "Whether the node may take new sockets: 1 or 0.") { [weak self] in
            self.map { $0.unreadiness == nil ? 1 : 0 }
        }
        if let tls {
            registry.sample(
                "rejoin_tls_certificate_expiry_seconds",
                "When the certificate of the public listener runs out, in seconds since 1970."
            ) { Double(tls.expiry) }
        }
        for (name, help) in Self.help {
            registry.describe(name: name, help: help)
        }
    }

    private static let help = [
        ("rejoin_rooms_ticking", "Rooms whose clock this node runs."),
        ("rejoin_rooms_ticks_total", "Ticks that were decided."),
        ("rejoin_rooms_ticks_skipped_total", "Ticks skipped because another was on its way, or Redis away."),
        ("rejoin_rooms_tick_takeovers_total", "Clocks of rooms taken over from other nodes."),
        ("rejoin_engine_handshakes_total", "Connections opened, by WebSocket or polling."),
        ("rejoin_engine_handshakes_refused_total", "Requests to open a connection that were refused."),
        ("rejoin_engine_requests_refused_total", "Polls, payloads and upgrades of connections that were refused."),
        ("rejoin_engine_payload_timeouts_total", "Payloads that did not arrive in time."),
        ("rejoin_engine_upgrades_total", "Connections that went over from polling to a WebSocket."),
        ("rejoin_engine_upgrade_timeouts_total", "WebSockets that did not replace a polling in time."),
        ("rejoin_engine_relayed_total", "Requests passed on to the nodes of their connections."),
        ("rejoin_engine_relay_failures_total", "Requests for other nodes that these did not answer."),
        ("rejoin_engine_relays_refused_total", "Requests for other nodes beyond the limit."),
        ("rejoin_engine_relays_forged_total", "Requests that claimed in vain to come from another node."),
        ("rejoin_engine_messages_received_total", "Messages that came."),
        ("rejoin_engine_tls_failures_total", "Connections whose TLS handshake did not come to its end."),
        ("rejoin_engine_violations_total", "Connections closed because what came broke the protocol."),
        ("rejoin_socket_events_total", "Events that clients sent."),
        ("rejoin_socket_deliveries_total", "Messages written to sockets by broadcasts."),
        ("rejoin_socket_requests_total", "Events that were handled."),
        ("rejoin_socket_requests_limited_total", "Events refused by a socket's rate limit."),
        ("rejoin_socket_requests_failed_total", "Events that were answered with an error."),
        ("rejoin_sessions_logins_total", "Logins, registrations included."),
        ("rejoin_sessions_logins_failed_total", "Logins with a wrong name, password or token."),
        ("rejoin_sessions_logins_limited_total", "Logins refused by the limits of failures."),
        ("rejoin_sessions_registrations_total", "Accounts that visitors made."),
        ("rejoin_sessions_logouts_total", "Logouts."),
        ("rejoin_sessions_opened_total", "Sessions opened by sockets."),
        ("rejoin_sessions_sockets_turned_total", "Sockets turned to watchers because their session ended."),
        ("rejoin_sessions_endings_repeated_total", "Sessions that a replaced Redis brought back, ended again."),
        ("rejoin_sessions_endings_forgotten_total", "Logouts and revocations that were too many to be kept."),
        ("rejoin_admin_refused_total", "Requests to the admin API that were refused, by the reason."),
        ("rejoin_sessions_credentials_total", "Credentials that came, by what they were worth."),
    ]
}
