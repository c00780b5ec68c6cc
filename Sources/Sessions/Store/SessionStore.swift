public import Logging
public import RedisClient

/// The sessions of the cluster: one record each in Redis, changed by scripts only, so that no node ever sees or makes
/// half a change. Times are Redis's. It keeps nothing itself; any thread may call.
///
/// Every call throws `SessionError`: `.unavailable` when Redis cannot serve at the moment, which never means that
/// somebody is not logged in.
public struct SessionStore: Sendable {
    let redis: RedisClient
    let logger: Logger
    /// The names of its keys.
    public let keys: SessionKeys
    /// How long sessions live.
    public let life: SessionLife
    /// Redis's clock, set by every answer.
    public let clock: RedisClock

    /// - Parameters:
    ///   - redis: the connection for commands.
    ///   - prefix: before every key, `rejoin:` by default.
    ///   - life: how long sessions live.
    ///   - clock: shared with the `KeyRing`, which dates credentials by it.
    ///   - logger: for what is wrong in Redis and harms nobody.
    public init(redis: RedisClient, prefix: String, life: SessionLife, clock: RedisClock, logger: Logger) {
        self.redis = redis
        self.keys = SessionKeys(prefix: prefix)
        self.life = life
        self.clock = clock
        self.logger = logger
    }

    /// Whether there is a connection to Redis.
    package var isReachable: Bool { self.redis.isConnected }

    private static let openScript = RedisScript(name: "open", source: PackageResources.open_lua)
    private static let lookupScript = RedisScript(name: "lookup", source: PackageResources.lookup_lua)

    /// Opens the session of a genuine credential at CONNECT: makes a guest's missing record, slides the idle life when
    /// that is due.
    ///
    /// - Parameter credential: verified by the `KeyRing`.
    public func open(_ credential: Credential) async throws(SessionError) -> SessionOpening {
        var arguments = self.decisionArguments(credential)
        arguments.append(.integer(self.life.absolute.milliseconds))
        arguments.append(.integer(self.life.slideAfter.milliseconds))
        let reply = try await self.run(
            Self.openScript, keys: [self.keys.session(credential.handle)], arguments: arguments)
        switch try reply.string(1) {
        case "dead": return .dead(replacedLately: try reply.int(2) == 1)
        default: return .opened(try Self.session(reply, handle: credential.handle))
        }
    }

    /// Says what a genuine credential is worth to a request or a handshake; makes and slides nothing, and works on a
    /// full Redis. A use that finds `seen` older than a minute is slid by `touch(_:)`.
    ///
    /// - Parameter credential: verified by the `KeyRing`.
    public func lookUp(_ credential: Credential) async throws(SessionError) -> SessionLookup {
        let reply = try await self.run(
            Self.lookupScript, keys: [self.keys.session(credential.handle)],
            arguments: self.decisionArguments(credential))
        switch try reply.string(1) {
        case "dead": return .dead(replacedLately: try reply.int(2) == 1)
        case "unrecorded": return .unrecorded
        default: return .found(try Self.session(reply, handle: credential.handle))
        }
    }

    private func decisionArguments(_ credential: Credential) -> [RedisArgument] {
        [
            .string(credential.secret.digest.text),
            credential.kind == .guest ? "guest" : "player",
            .integer(credential.issued * 1000),
            .integer(self.life.idle.milliseconds),
            .integer(self.life.grace.milliseconds),
        ]
    }

    private static func session(_ reply: ScriptReply, handle: SessionHandle) throws(SessionError) -> Session {
        let rights: Session.Rights
        switch try reply.string(1) {
        case "full": rights = .full
        case "alias": rights = .alias
        default: throw .unexpectedReply(of: reply.script)
        }
        let userID = try reply.string(6)
        let last = try reply.string(8)
        var user: SessionUser?
        if try reply.string(2) == "1" {
            guard rights == .full, !userID.isEmpty else { throw .unexpectedReply(of: reply.script) }
            user = SessionUser(id: userID, name: try reply.string(7))
        }
        return Session(
            handle: handle, rights: rights, user: user, generation: try reply.int(3), expires: try reply.int(4),
            seen: try reply.int(5), now: reply.now, lastLogin: LastLogin(last),
            isNew: try reply.int(9) == 1, sockets: reply.values.count > 10 ? try reply.int(10) : 0)
    }

    /// Runs a script whose reply begins with the time.
    func run(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument]
    ) async throws(SessionError) -> ScriptReply {
        let reply = try ScriptReply(
            try await self.eval(script, keys: keys, arguments: arguments), script: script.name)
        self.clock.heard(reply.now)
        return reply
    }

    func eval(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument]
    ) async throws(SessionError) -> RedisValue {
        do {
            return try await self.redis.eval(script, keys: keys, arguments: arguments)
        } catch {
            throw SessionError(error)
        }
    }

    func send(_ command: String, _ arguments: [RedisArgument]) async throws(SessionError) -> RedisValue {
        do {
            return try await self.redis.send(command, arguments)
        } catch {
            throw SessionError(error)
        }
    }
}
