/// Which PostgreSQL, and how it is used.
public struct PostgresConfiguration: Sendable {
    public var address: PostgresAddress

    /// The most connections of this process, at least 1; each has a thread of its own. Default: 4.
    public var connections: Int = 4

    /// How long a call may take with everything: waiting for a connection, connecting, the answer. Default: 1 s.
    public var callTimeout: Duration = .seconds(1)

    /// How long opening waits for a server that starts, or for another process that makes the tables. Default: 10 s.
    public var openTimeout: Duration = .seconds(10)

    /// How many calls may wait for a connection; above: `unavailable` at once. Default: 256.
    public var maximumWaiting: Int = 256

    public init(address: PostgresAddress) {
        self.address = address
    }

    /// - Throws: `invalidStore` when it is not a PostgreSQL URL.
    public init(url: String) throws(AccountsError) {
        self.init(address: try PostgresAddress(url))
    }
}
