/// Who ended a connection, and how. The descriptions of the first three are those of the JavaScript client.
public enum SocketIOCloseReason: Sendable, Equatable, CustomStringConvertible {
    /// The server sent DISCONNECT (`41`): clients do not come back by themselves.
    case serverDisconnect
    /// We closed.
    case clientDisconnect
    /// No ping came within interval and time-out.
    case pingTimeout
    /// The server closed the WebSocket with this code (nil: an empty close frame), or ended TCP (1006). Clients come
    /// back.
    case transportClose(code: UInt16?, reason: String)
    /// The connection broke, or the server sent what the protocol forbids.
    case transportError(String)
    /// A queue of this client was full: nobody read the events, or the server did not read.
    case overflow(String)

    public var description: String {
        switch self {
        case .serverDisconnect: "io server disconnect"
        case .clientDisconnect: "io client disconnect"
        case .pingTimeout: "ping timeout"
        case .transportClose(let code, let reason):
            "transport close (\(code.map(String.init) ?? "no code"))" + (reason.isEmpty ? "" : ": \(reason)")
        case .transportError(let message): "transport error: \(message)"
        case .overflow(let queue): "overflow: \(queue)"
        }
    }
}
