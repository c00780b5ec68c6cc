public import Accounts
import Cluster
import Crypto
import EngineIO
import JSONWebTokens
public import Logging
import NIOCore
import RedisClient
import Rooms
import Sessions
import SocketIO

/// What each part is told, out of the node's configuration.
extension NodeParts {
    static func accounts(_ configuration: RejoinConfiguration, _ logger: Logger) async throws -> Accounts {
        do throws(AccountsError) {
            return try await Accounts.open(configuration, logger: logger)
        } catch {
            // What may pass is no mistake of the configuration.
            guard error.code == .invalidStore else { throw error }
            throw ConfigurationError(key: .accountsURL, error.message)
        }
    }

    static func tokens(
        _ configuration: RejoinConfiguration, _ group: any EventLoopGroup, _ logger: Logger
    ) async throws -> JSONWebTokenVerifier? {
        guard let tokens = configuration.tokens else { return nil }
        do throws(JSONWebTokenError) {
            return try await JSONWebTokenVerifier(tokens, eventLoopGroup: group, logger: logger)
        } catch {
            throw ConfigurationError(key: .jwtSecret, error.message)
        }
    }

    static func keys(
        _ configuration: RejoinConfiguration, _ redis: RedisClient, _ clock: RedisClock, _ logger: Logger
    ) throws -> KeyRing {
        guard !configuration.browsers.cookieKeys.isEmpty else {
            return KeyRing(agreedThrough: redis, prefix: configuration.redisPrefix, clock: clock, logger: logger)
        }
        do throws(SessionError) {
            return KeyRing(
                configured: try CredentialKeys(
                    configuration.browsers.cookieKeys.map { key throws(SessionError) in
                        try CredentialKey(SymmetricKey(data: key))
                    }), clock: clock, logger: logger)
        } catch {
            throw ConfigurationError(key: .cookieKeys, error.message)
        }
    }

    /// - Throws: The key of the first file that cannot be used.
    static func tls(_ configuration: RejoinConfiguration) throws(ConfigurationError) -> EngineTLS? {
        guard let files = configuration.node.tls else { return nil }
        do {
            return try EngineTLS(certificateFile: files.certificate, keyFile: files.key)
        } catch {
            let key: ConfigurationKey = error.file == .key ? .tlsKey : .tlsCert
            throw ConfigurationError(key: key, "\(error.message), expected \(key.kind.expected)")
        }
    }

    static func requests(_ configuration: RejoinConfiguration) throws -> RequestPolicy {
        do throws(SessionError) {
            return RequestPolicy(
                proxies: try TrustedProxies(
                    configuration: configuration.browsers.trustedProxies.map(\.description).joined(separator: ",")),
                origins: try OriginPolicy(configuration: (configuration.browsers.origins ?? []).joined(separator: ",")),
                allowsInsecureLogin: configuration.accounts.allowsInsecureLogin, isTLS: configuration.node.tls != nil)
        } catch {
            throw ConfigurationError(key: .origins, error.message)
        }
    }

    static func life(_ configuration: RejoinConfiguration) throws -> SessionLife {
        do throws(SessionError) {
            return try SessionLife(idle: configuration.sessions.idle, absolute: configuration.sessions.maximum)
        } catch {
            throw ConfigurationError(key: .sessionIdle, error.message)
        }
    }

    static func sessions(_ configuration: RejoinConfiguration, _ name: NodeName) -> SessionService.Configuration {
        var sessions = SessionService.Configuration()
        sessions.node = name.description
        sessions.messagesPerSecond = configuration.limits.messagesPerSecond
        sessions.messageBurst = configuration.limits.messageBurst
        sessions.socketsPerSession = configuration.limits.socketsPerSession
        sessions.sessionsPerUser = configuration.sessions.perUser
        sessions.endings = configuration.limits.endings
        sessions.listedPerSecond = configuration.limits.listedPerSecond
        return sessions
    }

    static func loginLimits(_ configuration: RejoinConfiguration) -> LoginLimits {
        var limits = LoginLimits()
        limits.perAccountAndAddress = configuration.limits.login.failuresPerAccountAndAddress
        limits.perAddress = configuration.limits.login.failuresPerAddress
        limits.perAccountFromUnknownAddresses = configuration.limits.login.failuresPerAccount
        limits.window = configuration.limits.login.window
        limits.longestWait = configuration.limits.login.window
        return limits
    }

    static func roomLimits(_ configuration: RejoinConfiguration) -> RoomLimits {
        var limits = RoomLimits()
        limits.maximumFields = configuration.limits.room.fields
        limits.maximumFieldBytes = configuration.limits.room.fieldBytes
        limits.maximumRoomBytes = configuration.limits.room.bytes
        limits.newRoomsPerHour = configuration.limits.room.newPerHour
        limits.logLength = configuration.limits.room.logEntries
        limits.idle = configuration.sessions.roomIdle
        limits.presenceGrace = configuration.sessions.presenceGrace
        return limits
    }

    /// Whose sockets count for presence: the nodes of the registry.
    static func roomNodes(_ cluster: Cluster) -> RoomNodes {
        guard let own = NodeStart(name: cluster.name.description, incarnation: cluster.incarnation.description) else {
            return .alone
        }
        return RoomNodes(own: own) { Set(cluster.nodes.compactMap(start)) }
    }

    /// As presence calls a node.
    static func start(_ node: NodeRecord) -> NodeStart? {
        NodeStart(name: node.name.description, incarnation: node.incarnation.description)
    }

    static func engine(_ configuration: RejoinConfiguration, _ name: NodeName) -> EngineConfiguration {
        var engine = EngineConfiguration()
        engine.nodeName = name.description
        engine.pingInterval = configuration.sockets.pingInterval
        engine.pingTimeout = configuration.sockets.pingTimeout
        engine.maximumPayloadBytes = configuration.sockets.maximumPayload
        engine.compression = configuration.sockets.compressionThreshold.map {
            WebSocketCompression(thresholdBytes: $0)
        }
        engine.maximumQueuedBytes = configuration.limits.socketQueueBytes
        engine.slowPeerTimeout = configuration.limits.slowSocketTimeout
        engine.handshakesPerSecond = configuration.limits.handshakesPerSecond
        engine.handshakeQueue = configuration.limits.handshakeQueue
        engine.payloadTimeout = configuration.limits.payloadTimeout
        engine.maximumRelays = configuration.limits.relays
        engine.maximumConnections = configuration.sockets.maximumConnections
        engine.upgradeTimeout = configuration.limits.upgradeTimeout
        if let origins = configuration.browsers.origins {
            engine.cors = .origins(Set(origins))
        }
        return engine
    }

    static func socketIO(_ configuration: RejoinConfiguration) -> SocketIOConfiguration {
        var socketIO = SocketIOConfiguration()
        socketIO.connectTimeout = configuration.limits.connectTimeout
        socketIO.maximumAttachmentBytes = configuration.sockets.maximumPayload
        return socketIO
    }
}

extension Accounts {
    /// Opens the accounts that a configuration names.
    ///
    /// - Throws: `invalidStore` for a file that is none or a database that refuses us, `unavailable` when the store
    ///   cannot be opened now.
    public static func open(
        _ configuration: RejoinConfiguration, logger: Logger
    ) async throws(AccountsError) -> Accounts {
        let accounts = configuration.accounts
        let store: any AccountStore
        if PostgresAddress.isAddress(accounts.url) {
            let database = try PostgresConfiguration(url: accounts.url)
            if let query = accounts.query {
                store = try await PostgresQueryAccountStore.open(database, query: query, logger: logger)
            } else {
                store = try await PostgresAccountStore.open(database, logger: logger)
            }
        } else {
            store = try await SQLiteAccountStore.open(.init(url: accounts.url))
        }
        return Accounts(
            store: store,
            hashing: HashingPool(
                threads: configuration.accounts.hashingThreads, maximumWaiting: configuration.limits.hashingQueue),
            registration: configuration.accounts.isRegistrationOpen ? .open : .closed,
            passwordBytes: configuration.limits.passwordBytes, logger: logger)
    }
}
