public import CoreMetrics
public import EngineIO

/// What a Socket.IO server may be told, beside what its engine may.
public struct SocketIOConfiguration: Sendable {
    /// How long a connection may be open without a CONNECT. Default 45 s.
    public var connectTimeout = Duration.seconds(45)
    /// Events of one socket that may wait for their turn; one more closes it. Default 256.
    public var mailboxLimit = 256
    /// Namespaces that one connection may be in, and CONNECTs to unknown ones that it may send; one more closes it.
    /// Default 5.
    public var maximumNamespaces = 5
    /// CONNECTs of one connection in its life, each of which costs the application a decision; one more closes it.
    /// Default 64.
    public var maximumConnects = 64
    /// Attachments of one packet; one more closes the connection. Default 10.
    public var maximumAttachments = 10
    /// Bytes of one packet's attachments together; more closes the connection. Default 1 MiB.
    public var maximumAttachmentBytes = 1_048_576
    /// How long the other nodes may take to answer. Default 2 s.
    public var clusterTimeout = Duration.seconds(2)

    public init() {}
}

/// What the server counts, for the whole node.
public struct SocketIOCounters: Sendable {
    /// Connected sockets.
    public let sockets = EngineCounters.Gauge()
    /// Events that clients sent.
    public let events = Counter(label: "rejoin_socket_events_total")
    /// Copies of broadcasts that were sent to sockets.
    public let deliveries = Counter(label: "rejoin_socket_deliveries_total")
    /// Messages, states and look-ups of connection state recovery that its store did not take.
    public let recoveryFailures = Counter(label: "rejoin_socket_recovery_failures_total")
    /// Times that this node may have missed messages of a namespace with recovery, and sent its sockets to the log.
    public let recoveryGaps = Counter(label: "rejoin_socket_recovery_gaps_total")

    public init() {}
}
