extension ConfigurationKey {
    /// Every setting, in the order of help and documentation.
    package static let all: [ConfigurationKey] = [
        host, port, adminHost, adminPort, adminToken, node, advertise, data, threads, drain, tlsCert, tlsKey,
        redisURL, redisPrefix, redisTLSCA, redisTLSCert, redisTLSKey, redisCommandTimeout, redisConnectTimeout,
        accountsURL, accountsQuery, registration, insecureLogin, hashingThreads,
        jwtKeys, jwtSecret, jwtIssuer, jwtAudience, jwtUserClaim, jwtNameClaim, jwtIDPrefix, jwtLeeway,
        origins, trustedProxies, cookieKeys,
        sessionIdle, sessionMax, sessionsPerUser, roomIdle, presenceGrace,
        pingInterval, pingTimeout, maxPayload, maxConnections, compression, compressionThreshold,
        limitMessages, limitBurst, limitSocketsPerSession, limitRoomsPerSocket, limitConnectTimeout,
        limitHandshakes, limitHandshakeQueue, limitSocketQueue, limitSlowSocket,
        limitPayloadTime, limitUpgradeTime, limitRelays,
        limitLoginAccountAddress, limitLoginAddress, limitLoginAccount, limitLoginWindow,
        limitPasswordMinimum, limitPasswordMaximum, limitHashingQueue, limitEndings,
        limitListedSessions,
        limitRoomFields, limitRoomFieldBytes, limitRoomBytes, limitRoomLog, limitNewRooms,
        limitRedisCommands, limitRedisReply,
        logLevel, logFormat,
    ]

    // MARK: Node

    package static let host = Self(
        "host", .node, .text("an address or a host name"), default: "127.0.0.1", "public listener")
    package static let port = Self(
        "port", .node, .integer(0...65535), default: "8080", "public listener; 0 takes any free port")
    package static let adminHost = Self(
        "admin.host", .node, .text("an address or a host name"), default: "127.0.0.1",
        "admin listener, never the public one")
    package static let adminPort = Self(
        "admin.port", .node, .integer(0...65535), default: "9090", "admin listener; 0 takes any free port")
    package static let adminToken = Self(
        "admin.token", .node, .text("at least 16 printable ASCII characters without a space"), secret: true,
        "bearer token of /api; without it /api answers on loopback only")
    package static let node = Self(
        "node", .node, .text("1 to 8 of the characters a-z and 0-9"), phrase: "random", "name of this node")
    package static let advertise = Self(
        "advertise", .node, .text("HOST:PORT"), phrase: "host:port of the public listener",
        "where the other nodes reach this one")
    package static let data = Self(
        "data", .node, .text("a folder"), default: ".rejoin",
        "folder for what a single machine keeps: accounts, the private Redis of rejoin up")
    package static let threads = Self(
        "threads", .node, .integer(1...64), phrase: "number of cores, at most 4", "event loops")
    package static let drain = Self(
        "drain", .node, .duration(.zero ... .seconds(3600)), default: "20s", "how long a drain may take")
    package static let tlsCert = Self(
        "tls.cert", .node, .text("a PEM file"),
        "certificate for HTTPS and wss on the public listener, then those up to its authority; read again at SIGHUP")
    package static let tlsKey = Self(
        "tls.key", .node, .text("a PEM file without a passphrase"), "private key of tls.cert")

    // MARK: Redis

    package static let redisURL = Self(
        "redis.url", .redis, .text("redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], or rediss:// for TLS"),
        secret: true,
        "the Redis of the cluster; serve needs it, only up brings its own")
    package static let redisPrefix = Self(
        "redis.prefix", .redis, .text("1 to 64 printable ASCII characters without space, { or }"), default: "rejoin:",
        "before every key and channel")
    package static let redisTLSCA = Self(
        "redis.tls-ca", .redis, .text("a PEM file"), phrase: "those of the system",
        "authorities whose signature on the certificate of Redis counts, by rediss://")
    package static let redisTLSCert = Self(
        "redis.tls-cert", .redis, .text("a PEM file"),
        "certificate that this node shows Redis, which asks for one unless it has tls-auth-clients no")
    package static let redisTLSKey = Self(
        "redis.tls-key", .redis, .text("a PEM file without a passphrase"), "private key of redis.tls-cert")
    package static let redisCommandTimeout = Self(
        "redis.command-timeout", .redis, .duration(.milliseconds(50) ... .seconds(10)), default: "500ms",
        "how long a command may take before Redis counts as unavailable")
    package static let redisConnectTimeout = Self(
        "redis.connect-timeout", .redis, .duration(.milliseconds(50) ... .seconds(60)), default: "1s",
        "how long one attempt to connect may take")

    // MARK: Accounts and login

    package static let accountsURL = Self(
        "accounts.url", .accounts, .text("sqlite:FILE or postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE"),
        phrase: "sqlite:DATA/accounts.db", secret: true, "where names and password hashes are")
    package static let accountsQuery = Self(
        "accounts.query", .accounts, .text("an SQL query with one parameter, $1"), phrase: "own table",
        "query of an existing PostgreSQL users table: name in lower case in; id, name and hash out; nothing is changed")
    package static let registration = Self(
        "registration", .accounts, .choice(["closed", "open"]), default: "closed", phrase: "closed (open under up)",
        "may visitors register")
    package static let insecureLogin = Self(
        "insecure-login", .accounts, .boolean, default: "false", "allow login over plain HTTP off loopback")
    package static let hashingThreads = Self(
        "hashing-threads", .accounts, .integer(1...64), phrase: "half of the cores, at most 4",
        "threads that hash passwords, 19 MiB each while they work")

    // MARK: JSON Web Tokens

    package static let jwtKeys = Self(
        "jwt.keys", .tokens, .text("a file, or https://… (http://… on loopback)"),
        "JSON Web Key Set of an identity provider whose tokens log in: RS256, ES256, EdDSA; needs jwt.issuer, jwt.audience"
    )
    package static let jwtSecret = Self(
        "jwt.secret", .tokens, .text("base64 of at least 32 bytes"), secret: true,
        "in place of jwt.keys: the secret shared with who signs tokens by HS256; needs jwt.issuer, jwt.audience")
    package static let jwtIssuer = Self(
        "jwt.issuer", .tokens, .text("1 to 512 bytes"), "who made a token: its iss, letter by letter")
    package static let jwtAudience = Self(
        "jwt.audience", .tokens, .text("1 to 512 bytes"), "whom a token is for: its aud, or one of them")
    package static let jwtUserClaim = Self(
        "jwt.user-claim", .tokens, .text("1 to 512 bytes"), default: "sub",
        "the claim that names the user; one that the provider never gives to somebody else")
    package static let jwtNameClaim = Self(
        "jwt.name-claim", .tokens, .text("1 to 512 bytes"), default: "name",
        "the claim with the name that is shown; without it, the user claim")
    package static let jwtIDPrefix = Self(
        "jwt.id-prefix", .tokens, .text("1 to 32 of A-Z a-z 0-9 . _ - and a colon after them"), default: "jwt:",
        "what the ids of such users begin with, so that none is an account's")
    package static let jwtLeeway = Self(
        "jwt.leeway", .tokens, .duration(.zero ... .seconds(300)), default: "60s",
        "how far the clocks of provider and nodes may differ")

    // MARK: Browsers and proxies

    package static let origins = Self(
        "origins", .browsers, .list("origins such as https://example.org, without a path"), phrase: "same origin",
        "origins whose pages may connect")
    package static let trustedProxies = Self(
        "trusted-proxies", .browsers, .list("IP addresses or networks such as 10.0.0.0/8"),
        "addresses whose X-Forwarded-For and X-Forwarded-Proto count")
    package static let cookieKeys = Self(
        "cookie-keys", .browsers, .list("base64 keys of at least 32 bytes"), phrase: "agreed through Redis",
        secret: true, "keys that sign credentials: the first signs, all verify")

    // MARK: Sessions and rooms

    package static let sessionIdle = Self(
        "session.idle", .sessions, .duration(.seconds(1) ... .seconds(31_536_000)), default: "14d",
        "a session ends when nothing was heard of it for so long")
    package static let sessionMax = Self(
        "session.max", .sessions, .duration(.seconds(1) ... .seconds(315_360_000)), default: "90d",
        "a session ends so long after it began, whatever happens")
    package static let sessionsPerUser = Self(
        "sessions-per-user", .sessions, .integer(0...1_000), default: "0", phrase: "0 (any number)",
        "logged-in sessions of one user; the oldest ends when one more logs in")
    package static let roomIdle = Self(
        "room.idle", .sessions, .duration(.seconds(60) ... .seconds(31_536_000)), default: "7d",
        "a room that nobody is in is forgotten after so long")
    package static let presenceGrace = Self(
        "presence.grace", .sessions, .duration(.seconds(1) ... .seconds(3_600)), default: "60s",
        "a player whose last socket was closed stays in presence, as not online, for so long")

    // MARK: Sockets

    package static let pingInterval = Self(
        "ping.interval", .sockets, .duration(.milliseconds(100) ... .seconds(300)), default: "25s",
        "Engine.IO heartbeat: time between pings")
    package static let pingTimeout = Self(
        "ping.timeout", .sockets, .duration(.milliseconds(100) ... .seconds(300)), default: "20s",
        "Engine.IO heartbeat: how long a pong may take")
    package static let maxPayload = Self(
        "max-payload", .sockets, .bytes(1_024...16_777_216), default: "65536",
        "bytes of one message; told to clients and enforced")
    package static let maxConnections = Self(
        "max-connections", .sockets, .integer(1...10_000_000), phrase: "file-descriptor limit - 128",
        "sockets on this node")
    package static let compression = Self(
        "compression", .sockets, .boolean, default: "false",
        "compress messages for the WebSockets that offer permessage-deflate")
    package static let compressionThreshold = Self(
        "compression-threshold", .sockets, .bytes(64...16_777_216), default: "1024",
        "messages shorter than this are not compressed")

    // MARK: Limits

    package static let limitMessages = Self(
        "limit.messages", .limits, .rate(1...100_000), default: "20/s", "messages of one socket")
    package static let limitBurst = Self(
        "limit.burst", .limits, .integer(1...1_000_000), default: "40", "messages of one socket at once")
    package static let limitSocketsPerSession = Self(
        "limit.sockets-per-session", .limits, .integer(1...10_000), default: "20", "open sockets of one session")
    package static let limitRoomsPerSocket = Self(
        "limit.rooms-per-socket", .limits, .integer(1...10_000), default: "16", "rooms one socket may be in")
    package static let limitConnectTimeout = Self(
        "limit.connect-timeout", .limits, .duration(.seconds(1) ... .seconds(600)), default: "45s",
        "a connection without a Socket.IO CONNECT closes after so long")
    package static let limitHandshakes = Self(
        "limit.handshakes", .limits, .rate(1...1_000_000), default: "4000/s", "handshakes this node admits")
    package static let limitHandshakeQueue = Self(
        "limit.handshake-queue", .limits, .integer(0...1_000_000), default: "8192",
        "handshakes that wait to be admitted; more are turned away")
    package static let limitSocketQueue = Self(
        "limit.socket-queue", .limits, .bytes(16_384...1_073_741_824), default: "1048576",
        "bytes queued for a slow socket; then one snapshot takes the place of its patches")
    package static let limitSlowSocket = Self(
        "limit.slow-socket", .limits, .duration(.seconds(1) ... .seconds(600)), default: "10s",
        "a socket with a full queue and no progress closes after so long")
    package static let limitPayloadTime = Self(
        "limit.payload-time", .limits, .duration(.milliseconds(100) ... .seconds(600)), default: "10s",
        "how long the body of a request may take to arrive")
    package static let limitUpgradeTime = Self(
        "limit.upgrade-time", .limits, .duration(.milliseconds(100) ... .seconds(600)), default: "10s",
        "how long a WebSocket may take to replace a socket's polling")
    package static let limitRelays = Self(
        "limit.relays", .limits, .integer(0...1_000_000), default: "4096",
        "polling requests and upgraded sockets of other nodes that pass through this one at once")
    package static let limitLoginAccountAddress = Self(
        "limit.login-account-address", .limits, .integer(1...1_000_000), default: "5",
        "failed logins to an account from one address in the window")
    package static let limitLoginAddress = Self(
        "limit.login-address", .limits, .integer(1...1_000_000), default: "50",
        "failed logins from one address in the window")
    package static let limitLoginAccount = Self(
        "limit.login-account", .limits, .integer(1...1_000_000), default: "100",
        "failed logins to an account, in the window, from addresses that never logged in to it")
    package static let limitLoginWindow = Self(
        "limit.login-window", .limits, .duration(.seconds(1) ... .seconds(86_400)), default: "15m",
        "the window of failed logins, and the longest wait after them")
    package static let limitPasswordMinimum = Self(
        "limit.password-minimum", .limits, .bytes(1...1_024), default: "8", "shortest password")
    package static let limitPasswordMaximum = Self(
        "limit.password-maximum", .limits, .bytes(8...4_096), default: "256", "longest password")
    package static let limitHashingQueue = Self(
        "limit.hashing-queue", .limits, .integer(1...100_000), default: "256",
        "logins that wait for a hashing thread; more get unavailable")
    package static let limitEndings = Self(
        "limit.endings", .limits, .integer(100...10_000_000), default: "100000",
        "logouts and revocations of the last 15 minutes that a node keeps, to repeat them to a Redis that was replaced")
    package static let limitListedSessions = Self(
        "limit.listed-sessions", .limits, .rate(1...1_000_000), default: "200/s",
        "sessions of one user that a node looks at for lists of devices; ten times as many at once")
    package static let limitRoomFields = Self(
        "limit.room-fields", .limits, .integer(1...1_000_000), default: "1024", "fields of a room")
    package static let limitRoomFieldBytes = Self(
        "limit.room-field-bytes", .limits, .bytes(16...16_777_216), default: "16384", "size of a field")
    package static let limitRoomBytes = Self(
        "limit.room-bytes", .limits, .bytes(1_024...67_108_864), default: "262144", "size of a room")
    package static let limitRoomLog = Self(
        "limit.room-log", .limits, .integer(1...1_000_000), default: "1000",
        "changes of a room that are kept for those who come back")
    package static let limitNewRooms = Self(
        "limit.new-rooms", .limits, .integer(1...10_000_000), default: "500",
        "rooms that one user begins in an hour by acting in them first")
    package static let limitRedisCommands = Self(
        "limit.redis-commands", .limits, .integer(16...1_000_000), default: "16384",
        "Redis commands queued or unanswered; more get unavailable")
    package static let limitRedisReply = Self(
        "limit.redis-reply", .limits, .bytes(65_536...536_870_912), default: "16777216", "size of a reply of Redis")

    // MARK: Logs

    package static let logLevel = Self(
        "log.level", .logs, .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]),
        default: "info", "what is logged, on standard error")
    package static let logFormat = Self(
        "log.format", .logs, .choice(["text", "json"]), default: "text", "json: one JSON object a line")
}
