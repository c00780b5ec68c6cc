/// What an Engine.IO server may be told.
public struct EngineConfiguration: Sendable {
    /// Where the server listens for its handshakes; clients expect `/socket.io/`. Begins and ends with a slash.
    public var path = "/socket.io/"
    /// Begins every `sid`, so that any node can tell whose it is. At most 8 characters of `[a-z0-9]`.
    public var nodeName = "node"
    /// How often the server pings. Default 25 s.
    public var pingInterval = Duration.seconds(25)
    /// How long a pong may take. Default 20 s.
    public var pingTimeout = Duration.seconds(20)
    /// Bytes of one message, fragments summed, and of one polling payload; told in the open packet, enforced by closing
    /// a WebSocket and by 413. Default 64 KiB.
    public var maximumPayloadBytes = 65_536
    /// How messages are compressed for WebSockets that offer permessage-deflate. Default `nil`: never.
    public var compression: WebSocketCompression?
    /// Bytes that may wait for a slow peer; above, volatile messages are skipped for it. Default 1 MiB.
    public var maximumQueuedBytes = 1_048_576
    /// A peer that takes nothing for so long while more than ``maximumQueuedBytes`` wait is closed. Default 10 s.
    public var slowPeerTimeout = Duration.seconds(10)
    /// Handshakes a second that this node admits; others wait in the queue. Default 4,000.
    public var handshakesPerSecond = 4_000
    /// Handshakes that may wait; one more is answered with 503. Default 8,192.
    public var handshakeQueue = 8_192
    /// How long the head of a request may take to arrive. Default 5 s.
    public var headTimeout = Duration.seconds(5)
    /// How long a connection without a request is kept. Default 60 s.
    public var idleTimeout = Duration.seconds(60)
    /// Header lines of one request. Default 64.
    public var maximumHeaders = 64
    /// Bytes of one request's head. Default 16 KiB.
    public var maximumHeadBytes = 16_384

    /// How long the body of a polling request may take to arrive; then 408. Default 10 s.
    public var payloadTimeout = Duration.seconds(10)
    /// How long a WebSocket may take to replace a session's polling; then that WebSocket is closed. Default 10 s.
    public var upgradeTimeout = Duration.seconds(10)
    /// How often a poll is released while a WebSocket is being probed, so that the client can switch. Default 100 ms.
    public var probeInterval = Duration.milliseconds(100)
    /// How long a polling session that the server closed waits for the poll that takes the close packet. Default 1 s.
    public var pollingCloseTimeout = Duration.seconds(1)
    /// Which pages of other origins may read the engine's answers. Default none.
    public var cors = EngineCORS.none

    /// TLS of the listener: every connection is HTTPS and `wss`. Default none.
    public var tls: EngineTLS?
    /// How long the TLS handshake of a connection may take. Default 10 s.
    public var tlsHandshakeTimeout = Duration.seconds(10)

    /// The other nodes, for whose sessions requests are passed on. Default none: such a session is unknown.
    public var peers: (any EnginePeers)?
    /// Requests and WebSockets of other nodes' sessions that pass through here at once; one more is answered with 503.
    /// Default 4,096.
    public var maximumRelays = 4_096
    /// Open sessions; above, a handshake is answered with 503. And clients' connections together with those to other nodes
    /// that are made for them; above, nothing is passed on. Default any number.
    public var maximumConnections = Int.max
    /// How long another node may take to accept a connection, TLS included; then its sessions are unknown. Default 1 s.
    public var relayConnectTimeout = Duration.seconds(1)

    public init() {}
}
