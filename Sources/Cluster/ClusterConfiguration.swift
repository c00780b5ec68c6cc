/// What a node brings into the cluster.
public struct ClusterConfiguration: Sendable {
    /// The node's name.
    public var name: NodeName
    /// Before every key and channel; no braces. Default `rejoin:`.
    public var prefix = "rejoin:"
    /// `HOST:PORT` where the other nodes reach this one; empty until it is known, see `Cluster.advertise`.
    public var address = ""
    /// `HOST:PORT` of the admin listener; empty when there is none.
    public var adminAddress = ""
    /// The program's version.
    public var version: String
    /// The random id of the accounts store; nil for a node without accounts.
    public var storeID: String?
    /// What this node shares with those that reach its loopback address. Default: this machine's network.
    public var host = HostIdentity.current
    /// Between two heartbeats, and between two canaries. Default 1 s.
    public var heartbeatInterval: Duration = .seconds(1)
    /// Without heartbeat for so long a node is dead and not listed. Default 10 s.
    public var deadAfter: Duration = .seconds(10)
    /// Without hearing itself for so long a node is deaf. Default 3 s.
    public var deafAfter: Duration = .seconds(3)
    /// A node is ready only if it heard itself, and its heartbeat was answered, within this time. Default 5 s.
    public var freshFor: Duration = .seconds(5)
    /// How long a holder of the name that listens may take to show that it lives. Default 2 s.
    public var claimPatience: Duration = .seconds(2)
    /// Largest message on the bus, in bytes. Default 1 MiB.
    public var maximumMessageBytes = 1_048_576
    /// How many messages of one kind may wait for their handler; more are dropped and counted. Default 1,024.
    public var maximumQueuedMessages = 1_024

    public init(name: NodeName, version: String) {
        self.name = name
        self.version = version
    }
}
