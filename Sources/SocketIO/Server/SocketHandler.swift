public import EngineIO

/// Refuses a socket at CONNECT; the client's `connect_error` handler gets it.
public struct ConnectRefusal: Error, Sendable {
    public let message: String
    public let data: JSONBytes?

    public init(message: String, data: JSONBytes? = nil) {
        self.message = message
        self.data = data
    }
}

/// How a CONNECT is answered.
public enum ConnectDecision: Sendable {
    case accept
    case refuse(ConnectRefusal)
    /// Not now: the transport closes without an answer, so that clients come back by themselves.
    case retry
}

/// What the sockets of the namespace `/` are for. Its methods run on the socket's event loop; the asynchronous ones
/// run isolated to the loop's shard, so that they may touch the socket before and after every `await`.
public protocol SocketHandler: Sendable {
    /// A handshake is asking; see ``EngineApplication/authorize(_:)``.
    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization
    /// A later request of a session is asking, with the handshake's context; see
    /// ``EngineApplication/authorize(_:of:)``. By default every one goes on.
    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization
    /// A client asks to CONNECT, with this `auth` object. Nothing may be emitted yet.
    nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision
    /// The CONNECT has been answered. Returns before the first event is handled.
    func connected(_ socket: Socket)
    /// Whether an event may wait for its turn; called as it arrives. What is turned away is answered in here.
    func admits(_ event: SocketEvent, on socket: Socket) -> Bool
    /// One event of the socket; the next is handled when this returns.
    nonisolated(nonsending) func handle(_ event: SocketEvent, on socket: Socket) async
    /// The client keeps up again; `missed` are the rooms whose messages were left out for it meanwhile.
    func drained(_ socket: Socket, missed: Set<String>)
    /// The socket is gone, and out of its rooms.
    func disconnected(_ socket: Socket, rooms: Set<String>, reason: DisconnectReason)
}

extension SocketHandler {
    public func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        .now(.accept(headers: [], context: ()))
    }
}

/// Why a socket is gone, in Socket.IO's own words.
public enum DisconnectReason: Sendable, Equatable {
    /// The server sent a DISCONNECT packet.
    case serverNamespaceDisconnect
    /// The client sent one.
    case clientNamespaceDisconnect
    /// The connection below ended.
    case connection(CloseReason)

    public var text: String {
        switch self {
        case .serverNamespaceDisconnect: "server namespace disconnect"
        case .clientNamespaceDisconnect: "client namespace disconnect"
        case .connection(let reason): reason.rawValue
        }
    }
}
