/// Who ended a connection, and how.
public enum SocketIOCloseReason: Sendable, Equatable, CustomStringConvertible {
    /// The server sent DISCONNECT (`41`): clients do not come back by themselves.
    case serverDisconnect
    /// We closed.
    case clientDisconnect
    /// No ping came within interval and time-out.
    case pingTimeout
    /// The server closed the WebSocket with this code (nil: an empty close frame, or a close packet), or ended TCP
    /// (1006). Clients come back.
    case transportClose(code: UInt16?, reason: String)
    /// The connection broke, or the server sent what WebSocket, HTTP or Engine.IO forbid. Clients come back.
    case transportError(String)
    /// The server sent what is no Socket.IO packet. Clients come back.
    case parseError(String)
    /// A queue of this client was full: nobody read the events, or the server did not read. A client whose events
    /// nobody reads does not come back.
    case overflow(String)

    /// The reason in the words of the official clients.
    public var reason: String {
        switch self {
        case .serverDisconnect: "io server disconnect"
        case .clientDisconnect: "io client disconnect"
        case .pingTimeout: "ping timeout"
        case .transportClose: "transport close"
        case .transportError, .overflow: "transport error"
        case .parseError: "parse error"
        }
    }

    /// The reason, and what is known besides.
    public var description: String {
        switch self {
        case .serverDisconnect, .clientDisconnect, .pingTimeout: self.reason
        case .transportClose(let code, let reason):
            "transport close (\(code.map(String.init) ?? "no code"))" + (reason.isEmpty ? "" : ": \(reason)")
        case .transportError(let message): "transport error: \(message)"
        case .parseError(let message): "parse error: \(message)"
        case .overflow(let queue): "overflow: \(queue)"
        }
    }
}
