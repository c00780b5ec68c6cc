import Accounts
import FoundationEssentials
import Logging
import RedisClient

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension RejoinConfiguration {
    /// Reads the environment alone (and the file that `REJOIN_CONFIG` names).
    ///
    /// - Throws: The first value that is wrong.
    public init(environment: [String: String]) throws(ConfigurationError) {
        try self.init(ConfigurationReader(flags: ConfigurationFlags(), environment: environment))
    }

    /// - Throws: The first value that is wrong, or does not go together with another.
    package init(_ reader: ConfigurationReader) throws(ConfigurationError) {
        data = try reader.text(.data)
        node = try Self.node(reader)
        (redis, redisURL) = try Self.redis(reader)
        redisPrefix = try reader.value(.redisPrefix) { text in
            let isPlain = text.utf8.allSatisfy { (33...126).contains($0) && !"{}".utf8.contains($0) }
            return (1...64).contains(text.utf8.count) && isPlain ? text : nil
        }
        accounts = try Self.accounts(reader, data: data)
        tokens = try Self.tokens(reader)
        browsers = try Self.browsers(reader)
        let maximum = try reader.duration(.sessionMax)
        let idle = try reader.duration(.sessionIdle)
        sessions = Sessions(
            // The default is for sessions that may live so long.
            idle: reader.isSet(.sessionIdle) ? idle : min(idle, maximum), maximum: maximum,
            perUser: try reader.integer(.sessionsPerUser), roomIdle: try reader.duration(.roomIdle),
            presenceGrace: try reader.duration(.presenceGrace))
        guard sessions.idle <= sessions.maximum else {
            let maximum = DurationText.format(sessions.maximum)
            throw reader.error(.sessionIdle, "is more than session.max (\(maximum))")
        }
        sockets = try Self.sockets(reader)
        limits = try Self.limits(reader)
        let level: Logger.Level = try reader.choice(.logLevel)
        log = Log(level: level, format: try reader.choice(.logFormat))
        var warnings = reader.warnings
        if accounts.allowsInsecureLogin {
            warnings.append(
                "\(ConfigurationKey.insecureLogin.environmentName) is true: passwords and cookies may come over plain HTTP,"
                    + " where others can read them; serve by HTTPS and unset it")
        }
        self.warnings = warnings
    }

    private static func node(_ reader: ConfigurationReader) throws(ConfigurationError) -> Node {
        func host(_ key: ConfigurationKey) throws(ConfigurationError) -> String {
            try reader.value(key) { text in
                let isPlain = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"/[]@".utf8.contains($0) }
                return (1...253).contains(text.utf8.count) && isPlain ? text : nil
            }
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let node = Node(
            host: try host(.host), port: try reader.integer(.port),
            adminHost: try host(.adminHost), adminPort: try reader.integer(.adminPort),
            adminToken: try reader.optional(.adminToken) { text in
                text.utf8.count >= 16 && text.utf8.allSatisfy { (33...126).contains($0) } ? text : nil
            },
            name: try reader.optional(.node) { text in
                let isName = text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
                return (1...8).contains(text.utf8.count) && isName ? text : nil
            },
            advertise: try reader.optional(.advertise) { HostAndPort($0) },
            threads: try reader.optionalInteger(.threads) ?? min(4, cores),
            drain: try reader.duration(.drain), tls: try tls(reader))
        guard node.port == 0 || node.port != node.adminPort || node.host != node.adminHost else {
            throw reader.error(.adminPort, "is the port of the public listener")
        }
        return node
    }

    private static func redis(
        _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> (RedisConfiguration?, String?) {
        // Read even when there is no URL: a wrong value is wrong in every command.
        let commandTimeout = try reader.duration(.redisCommandTimeout)
        let connectTimeout = try reader.duration(.redisConnectTimeout)
        let maximumInFlight = try reader.integer(.limitRedisCommands)
        let maximumReplyBytes = try reader.integer(.limitRedisReply)
        guard let url = try reader.optionalText(.redisURL) else {
            _ = try redisTLS(reader, isTLS: nil)
            return (nil, nil)
        }
        var redis: RedisConfiguration
        do {
            redis = try RedisConfiguration(url: url)
        } catch {
            throw reader.error(.redisURL, "cannot be used: \(error.message)")
        }
        redis.tls = try redisTLS(reader, isTLS: redis.tls != nil)
        redis.commandTimeout = commandTimeout
        redis.connectTimeout = connectTimeout
        redis.maximumInFlight = maximumInFlight
        redis.maximumReplyBytes = maximumReplyBytes
        return (redis, url)
    }

    private static func accounts(
        _ reader: ConfigurationReader, data: String
    ) throws(ConfigurationError) -> Accounts {
        let url = try reader.optionalText(.accountsURL) ?? "sqlite:\(data)/accounts.db"
        let isPostgres = PostgresAddress.isAddress(url)
        guard !isPostgres || (try? PostgresAddress(url)) != nil else {
            throw reader.error(
                .accountsURL,
                "is no URL that PostgreSQL can read (in user and password @ is written %40, / %2F and so on)")
        }
        guard isPostgres || (try? SQLiteAccountStore.Configuration(url: url)) != nil else {
            throw reader.error(.accountsURL)
        }
        let registration = try reader.value(.registration) { text -> Bool? in
            ["open": true, "closed": false][text]
        }
        let query = try reader.optionalText(.accountsQuery)
        guard query == nil || isPostgres else {
            throw reader.error(.accountsQuery, "needs postgres://… in accounts.url, which is sqlite:…")
        }
        guard query == nil || !registration else {
            throw reader.error(.registration, "does not go with accounts.query, which changes nothing")
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        return Accounts(
            url: url, query: query, isRegistrationOpen: registration,
            allowsInsecureLogin: try reader.boolean(.insecureLogin),
            hashingThreads: try reader.optionalInteger(.hashingThreads) ?? max(1, min(4, cores / 2)))
    }

    private static func browsers(_ reader: ConfigurationReader) throws(ConfigurationError) -> Browsers {
        let origins = try reader.list(.origins) { originText($0) }
        return Browsers(
            origins: origins.isEmpty ? nil : origins,
            trustedProxies: try reader.list(.trustedProxies) { AddressRange($0) },
            cookieKeys: try reader.list(.cookieKeys) { text in
                Data(base64Encoded: text).flatMap { $0.count >= 32 ? [UInt8]($0) : nil }
            })
    }

    /// An origin as browsers serialise it (RFC 6454 6.2): scheme, host in lower case, a port that is not the default.
    private static func originText(_ text: String) -> String? {
        let lowered = text.lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lowered.hasPrefix($0) }) else { return nil }
        var authority = lowered.dropFirst(scheme.count)
        let defaultPort = scheme == "https://" ? ":443" : ":80"
        if authority.hasSuffix(defaultPort) { authority = authority.dropLast(defaultPort.count) }
        let isPlain = authority.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"/?#@*,\\".utf8.contains($0) }
        return authority.isEmpty || !isPlain ? nil : scheme + authority
    }

    private static func sockets(_ reader: ConfigurationReader) throws(ConfigurationError) -> Sockets {
        let descriptors = fileDescriptorLimit()
        let available = max(1, descriptors - 128)
        let connections = try reader.optionalInteger(.maxConnections)
        if let connections, connections > available {
            throw reader.error(
                .maxConnections, "is more than the limit of file descriptors allows (\(descriptors) - 128)")
        }
        let compressionThreshold = try reader.integer(.compressionThreshold)
        return Sockets(
            pingInterval: try reader.duration(.pingInterval), pingTimeout: try reader.duration(.pingTimeout),
            maximumPayload: try reader.integer(.maxPayload),
            maximumConnections: connections ?? min(available, 10_000_000),
            compressionThreshold: try reader.boolean(.compression) ? compressionThreshold : nil)
    }

    private static func fileDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        return Int(clamping: limit.rlim_cur)
    }
}
