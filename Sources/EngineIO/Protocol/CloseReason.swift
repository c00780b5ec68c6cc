/// Why a connection ended. The texts are Socket.IO's own: its users match on them.
public enum CloseReason: String, Sendable, Equatable, CaseIterable {
    /// The peer closed its side, or the network did.
    case transportClose = "transport close"
    /// The transport failed: a reset, a broken frame.
    case transportError = "transport error"
    /// No pong came within the ping time-out.
    case pingTimeout = "ping timeout"
    /// What came is no packet.
    case parseError = "parse error"
    /// The application, or a limit of this server, closed it.
    case forcedClose = "forced close"
    /// This node is leaving; the client should come back at once, to another one.
    case serverShuttingDown = "server shutting down"

    /// Whether the server ended it.
    public var isOurs: Bool {
        switch self {
        case .transportClose, .transportError: false
        case .pingTimeout, .parseError, .forcedClose, .serverShuttingDown: true
        }
    }
}
