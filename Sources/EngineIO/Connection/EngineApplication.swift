public import NIOCore
public import NIOHTTP1

/// A handshake, or a later request of a session, as it arrived: what an application decides by.
public struct EngineHandshake: Sendable {
    /// The request's head, query included.
    public let head: HTTPRequestHead
    /// Decoded parameters of the query; of a repeated one the first.
    public let query: [String: String]
    /// The peer's address as the transport saw it; a proxy's behind one.
    public let peer: SocketAddress?
    /// Whether it came by TLS to the listener that accepted it, this node's or that of one which passed it on.
    public let isTLS: Bool

    public init(head: HTTPRequestHead, query: [String: String], peer: SocketAddress?, isTLS: Bool = false) {
        self.head = head
        self.query = query
        self.peer = peer
        self.isTLS = isTLS
    }
}

/// What an application says to a handshake.
public enum HandshakeDecision: Sendable {
    /// Goes on, with these headers in the answer, and with something to remember for the connection.
    case accept(headers: [(name: String, value: String)], context: any Sendable)
    /// Ends with this answer.
    case refuse(EngineError)
}

/// A decision that is there already, or one that must be waited for.
public enum HandshakeAuthorization: Sendable {
    case now(HandshakeDecision)
    /// Runs as a child of the shard; takes a second at most by its own deadlines.
    case later(@Sendable () async -> HandshakeDecision)
}

/// What runs on top of an Engine.IO server.
public protocol EngineApplication: Sendable {
    /// Asked before a transport is opened. Called on the connection's event loop; must not block.
    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization
    /// Asked for each later request of a session: a poll, a payload, an upgrade. Called on the session's event loop; must
    /// not block. By default every one goes on: the `sid` is the secret that lets it in.
    ///
    /// - Parameters:
    ///   - request: the request, with the address that it came from.
    ///   - context: what ``authorize(_:)`` accepted the session with.
    /// - Returns: The `context` of an acceptance is not looked at.
    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization
    /// Headers for every answer of the engine, refusals included, beside those of a handshake's decision. By default
    /// none. Called on the event loop of the request's connection; must not block.
    func headers(for request: EngineHandshake) -> [(name: String, value: String)]
    /// Makes the part of the application that lives on one event loop. Called on that event loop.
    func makeLoopApplication(_ loop: EngineLoop) -> any EngineLoopApplication
}

extension EngineApplication {
    public func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        .now(.accept(headers: [], context: ()))
    }

    public func headers(for request: EngineHandshake) -> [(name: String, value: String)] { [] }
}

/// The application's part on one event loop. Confined to that event loop.
public protocol EngineLoopApplication: AnyObject {
    /// A connection is open; the answer hears of everything that happens on it.
    func opened(_ connection: EngineConnection, context: any Sendable) -> any EngineConnectionDelegate
}

/// What hears of one connection. Confined to the connection's event loop.
public protocol EngineConnectionDelegate: AnyObject {
    /// A message came; the payload without Engine.IO's type digit.
    func received(text: ByteBuffer)
    func received(binary: ByteBuffer)
    /// The peer took what had been waiting; what was skipped meanwhile may be sent again.
    func drained()
    /// The connection is over. Called once.
    func closed(_ reason: CloseReason)
}
