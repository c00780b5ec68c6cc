public import JSONWebTokens
public import Logging
public import RedisClient

/// Everything that a node is told: read once at the start, and then a value.
///
/// The settings, their defaults and bounds are in `ConfigurationKey.all`. Sizes are bytes.
public struct RejoinConfiguration: Sendable {
    /// Two listeners, and what the node calls itself.
    public struct Node: Sendable {
        /// Public listener; port 0 takes any free one. Default: 127.0.0.1, 8080.
        public var host: String
        public var port: Int
        /// Admin listener; port 0 takes any free one. Default: 127.0.0.1, 9090.
        public var adminHost: String
        public var adminPort: Int
        /// Bearer token of `/api`. Without it `/api` answers on loopback only. Never shown.
        public var adminToken: String?
        /// 1 to 8 of `a-z0-9`; `nil`: random.
        public var name: String?
        /// Where the other nodes reach this one; `nil`: the public listener's address.
        public var advertise: HostAndPort?
        /// Event loops. Default: number of cores, at most 4.
        public var threads: Int
        /// How long a drain may take. Default: 20 s.
        public var drain: Duration
        /// TLS of the public listener; `nil`: plain HTTP, the default.
        public var tls: TLS?

        /// PEM files.
        public struct TLS: Sendable {
            /// The listener's certificate, then those between it and its authority.
            public var certificate: String
            /// Its private key, without a passphrase.
            public var key: String
        }
    }

    /// Name + password -> user.
    public struct Accounts: Sendable {
        /// `sqlite:FILE`, or the URL of a PostgreSQL database, which is never shown.
        public var url: String
        /// The query of another program's table; `nil`: accounts are in a table of their own. PostgreSQL only.
        public var query: String?
        /// Whether visitors may register. Default: `false`; `true` under `rejoin up`.
        public var isRegistrationOpen: Bool
        /// Whether a login over plain HTTP off loopback is allowed. Default: `false`.
        public var allowsInsecureLogin: Bool
        /// Threads that hash passwords. Default: half of the cores, at most 4.
        public var hashingThreads: Int
    }

    /// How the outside of a browser's request is judged.
    public struct Browsers: Sendable {
        /// Origins (`https://example.org`, lower case) whose pages may connect; `nil`: the same origin only.
        public var origins: [String]?
        /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` count. Default: nobody's.
        public var trustedProxies: [AddressRange]
        /// Keys of at least 32 bytes that sign credentials: the first signs, all verify. Empty: agreed through Redis.
        /// Never shown.
        public var cookieKeys: [[UInt8]]
    }

    /// How long sessions and rooms live.
    public struct Sessions: Sendable {
        /// A session ends when nothing was heard of it for so long. Default: 14 days.
        public var idle: Duration
        /// A session ends so long after it began. Default: 90 days.
        public var maximum: Duration
        /// Logged-in sessions of one user; 0: any number, the default.
        public var perUser: Int
        /// A room that nobody is in is forgotten after so long. Default: 7 days.
        public var roomIdle: Duration
        /// A player whose last socket was closed stays in presence for so long. Default: 60 s.
        public var presenceGrace: Duration
    }

    /// What a connection is told and held to.
    public struct Sockets: Sendable {
        /// Time between pings. Default: 25 s.
        public var pingInterval: Duration
        /// How long a pong may take. Default: 20 s.
        public var pingTimeout: Duration
        /// Bytes of one message. Default: 65,536.
        public var maximumPayload: Int
        /// Sockets on this node. Default: the limit of file descriptors less 128.
        public var maximumConnections: Int
        /// Messages of so many bytes and more are compressed for who offers it. Default: `nil`, nothing is.
        public var compressionThreshold: Int?
    }

    /// What goes to standard error.
    public struct Log: Sendable {
        /// One event as text, or as one JSON object, a line.
        public enum Format: String, Sendable {
            case text, json
        }

        /// Default: `info`.
        public var level: Logger.Level
        /// Default: `text`.
        public var format: Format
    }

    public var node: Node
    /// The folder for what a single machine keeps. Default: `.rejoin`.
    public var data: String
    /// The Redis of the cluster; `nil` when none is given. Its URL is never shown.
    public var redis: RedisConfiguration?
    /// The text that ``redis`` was read from, for child processes. Never shown.
    public var redisURL: String?
    /// Where ``redis`` is, for messages.
    package var redisAddress: HostAndPort? { redis.map { HostAndPort(host: $0.host, port: $0.port) } }
    /// Before every key and channel. Default: `rejoin:`.
    public var redisPrefix: String
    public var accounts: Accounts
    /// Whose tokens log in beside names and passwords; `nil`: nobody's, the default.
    public var tokens: JSONWebTokenConfiguration?
    public var browsers: Browsers
    public var sessions: Sessions
    public var sockets: Sockets
    public var limits: Limits
    public var log: Log

    /// What is odd but no error, one line each, to be logged at the start.
    public var warnings: [String]

    /// The Redis of the cluster.
    ///
    /// - Throws: None is given; the message says what sets it.
    public func requireRedis() throws(ConfigurationError) -> RedisConfiguration {
        guard let redis else {
            throw ConfigurationError(
                key: .redisURL,
                "no Redis is given, expected \(ConfigurationKey.redisURL.kind.expected) by REJOIN_REDIS_URL or "
                    + "--redis-url (`rejoin up` brings its own)")
        }
        return redis
    }
}
