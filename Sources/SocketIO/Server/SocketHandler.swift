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

/// Decides who may open a connection at all, whatever the namespace.
public protocol ConnectionHandler: Sendable {
    /// A handshake is asking; see ``EngineApplication/authorize(_:)``. What it is accepted with is every socket's
    /// ``Socket/context``.
    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization
    /// A later request of a session is asking, with the handshake's context; see
    /// ``EngineApplication/authorize(_:of:)``. By default every one goes on.
    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization
    /// Headers for every HTTP answer of the engine; see ``EngineApplication/headers(for:)``. By default none.
    func headers(for request: EngineHandshake) -> [(name: String, value: String)]
}

extension ConnectionHandler {
    public func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        .now(.accept(headers: [], context: ()))
    }

    public func headers(for request: EngineHandshake) -> [(name: String, value: String)] { [] }
}

/// Lets everybody in, and gives the sockets their ``Socket/handshake``.
public struct AcceptsEverybody: ConnectionHandler {
    public init() {}

    public func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
        .now(.accept(headers: [], context: handshake))
    }
}

/// What the sockets of a namespace are for. Its methods run on the socket's event loop; the asynchronous ones run
/// isolated to the loop's shard, so that they may touch the socket before and after every `await`.
///
/// ``EventRouter`` is one that is made of closures.
public protocol SocketHandler: Sendable {
    /// A client asks to CONNECT, with this `auth` object. Nothing may be emitted yet. A socket that
    /// ``Socket/isRecovered`` is asked too: nothing is replayed to whom it does not accept.
    nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision
    /// The CONNECT has been answered. Returns before the first event is handled.
    func connected(_ socket: Socket)
    /// Whether an event may wait for its turn; called as it arrives. What is turned away is answered in here.
    func admits(_ event: SocketEvent, on socket: Socket) -> Bool
    /// One event of the socket; the next is handled when this returns.
    ///
    /// - Throws: What ``SocketEvent/payload()`` did: the connection is closed for a parse error.
    nonisolated(nonsending) func handle(_ event: SocketEvent, on socket: Socket) async throws(JSONError)
    /// The client keeps up again; `missed` are the rooms whose volatile messages were left out for it meanwhile.
    func drained(_ socket: Socket, missed: Set<String>)
    /// The socket is about to go; it is still in its rooms.
    func disconnecting(_ socket: Socket, reason: DisconnectReason)
    /// The socket is gone, and out of its rooms.
    func disconnected(_ socket: Socket, rooms: Set<String>, reason: DisconnectReason)
    /// Another node's ``Namespace/serverSideEmit(_:_:)``. Runs on no socket's event loop.
    func serverEvent(_ name: String, _ payload: EventPayload) async -> EventPayload
}

extension SocketHandler {
    public nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision { .accept }
    public func connected(_ socket: Socket) {}
    public func admits(_ event: SocketEvent, on socket: Socket) -> Bool { true }
    public func drained(_ socket: Socket, missed: Set<String>) {}
    public func disconnecting(_ socket: Socket, reason: DisconnectReason) {}
    public func disconnected(_ socket: Socket, rooms: Set<String>, reason: DisconnectReason) {}
    public func serverEvent(_ name: String, _ payload: EventPayload) async -> EventPayload { EventPayload() }
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
