public import NIOCore
public import NIOPosix
import Synchronization

/// A Socket.IO v5 client: one Engine.IO connection, over long-polling or WebSocket, that any number of namespaces share,
/// and that comes back when it is lost.
///
/// Any thread may call it. The connection closes when neither the client nor one of its sockets is referenced any more.
///
/// `SocketIOClient(configuration)` is the client as the official ones are. `SocketIOClient.connect` is the form for tools
/// and tests: it waits for the connection, which is over WebSocket, and is the only one.
public final class SocketIOClient: Sendable {
    /// What may wait in a socket's `events` unread; one more ends the client with `overflow`.
    public static let maximumEvents = 65_536

    public let eventLoop: any EventLoop
    /// The socket of the configuration's namespace.
    public let main: Socket
    /// How the client ended for good: because it was closed, because nobody read its events, or because no further
    /// attempt to connect is made. Does not fail.
    public let closed: EventLoopFuture<SocketIOCloseReason>

    private let lifetime: ClientLifetime
    private let cookieJar: CookieJar
    private let status = ClientStatus()
    private let sockets: Mutex<[String: Socket]>

    /// Starts to connect, and to connect to the configuration's namespace.
    ///
    /// - Parameters:
    ///   - auth: what that namespace is told at each attempt; the configuration's by default.
    ///   - eventLoop: one of NIOPosix's.
    public init(
        _ configuration: Configuration, auth: SocketIOAuth? = nil,
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any()
    ) {
        self.eventLoop = eventLoop
        self.cookieJar = CookieJar(configuration)
        let closed = eventLoop.makePromise(of: SocketIOCloseReason.self)
        self.closed = closed.futureResult
        self.lifetime = ClientLifetime(
            ClientCore(configuration, cookies: self.cookieJar, status: self.status, closed: closed, on: eventLoop),
            on: eventLoop)
        let auth = auth ?? configuration.auth.map { SocketIOAuth.text($0) } ?? .none
        self.main = Socket(configuration.namespace, auth: auth, lifetime: self.lifetime)
        self.sockets = Mutex([configuration.namespace: self.main])
    }

    /// Connects over WebSocket and to the configuration's namespace, once: when the connection ends, the client is closed
    /// for good. What the configuration says of transports and reconnection is not looked at.
    ///
    /// - Parameter transports: others, in the order of `Configuration.transports`.
    /// - Throws: `SocketIOClientError`; `CancellationError` when the task is cancelled.
    public static func connect(
        _ configuration: Configuration, over transports: [Transport] = [.websocket],
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.any()
    ) async throws -> SocketIOClient {
        var configuration = configuration
        configuration.transports = transports
        configuration.reconnection = nil
        let client = SocketIOClient(configuration, on: eventLoop)
        do {
            try await client.main.connected()
        } catch {
            client.abort()
            throw error
        }
        return client
    }

    /// The socket of a namespace, which connects when it is asked for the first time.
    ///
    /// - Parameters:
    ///   - namespace: begins with a slash, and holds no comma.
    ///   - auth: what the namespace is told at each attempt; of the first call only.
    public func socket(_ namespace: String, auth: SocketIOAuth = .none) -> Socket {
        precondition(SocketNamespace.isValid(namespace), "a namespace begins with a slash, and holds no comma")
        return self.sockets.withLock { sockets in
            if let socket = sockets[namespace] { return socket }
            let socket = Socket(namespace, auth: auth, lifetime: self.lifetime)
            sockets[namespace] = socket
            return socket
        }
    }

    // MARK: The connection

    /// The Engine.IO `sid` of the newest connection; empty before the first.
    public var engineID: String { self.status.newest.engineID }
    /// The headers of the answer that opened the newest connection: the 101, or that to the first poll (`Set-Cookie`).
    public var handshakeHeaders: [(String, String)] { self.status.newest.handshakeHeaders }
    /// What carries packets now; nil while there is no connection.
    public func transport() async throws -> Transport? {
        let transport = self.eventLoop.makePromise(of: Transport?.self)
        self.lifetime.onLoop { transport.succeed($0.transport) }
        return try await transport.futureResult.get()
    }

    /// What the server set and has not removed, and what was set here, by name.
    public var cookies: [String: String] { self.cookieJar.all }

    /// Sets a cookie, for the requests that follow.
    ///
    /// - Parameter value: nil removes it.
    public func setCookie(_ name: String, _ value: String?) {
        self.cookieJar.set(name, value)
    }

    /// Disconnects all sockets, closes the connection for good, and waits for the end: 2 s at most.
    public func close() async {
        self.lifetime.onLoop { $0.close() }
        _ = try? await self.closed.get()  // the future never fails
    }

    /// Closes TCP at once and for good, as a client that dies.
    public func abort() {
        self.lifetime.onLoop { $0.abort() }
    }

    // MARK: Packets of one's own

    /// Sends a text packet with this payload, whatever it is; with its Engine.IO type.
    public func sendRaw(_ text: String) {
        let payload = ByteBuffer(string: text)
        self.lifetime.onLoop { $0.send(payload) }
    }

    /// Sends a binary packet with this payload.
    public func sendRawBinary(_ payload: ByteBuffer) {
        self.lifetime.onLoop { $0.sendBinary(payload) }
    }

    /// Sends bytes on the WebSocket's TCP connection as they are, without a frame. Nothing happens on long-polling.
    public func sendRawBytes(_ bytes: [UInt8]) {
        let bytes = ByteBuffer(bytes: bytes)
        self.lifetime.onLoop { $0.sendBytes(bytes) }
    }
}
