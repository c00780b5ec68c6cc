import Logging
import NIOPosix
import RedisClient
@testable import Sessions
import TestSupport

/// A real Redis with what one node has of the sessions: store, keys, limiter.
struct SessionCluster: Sendable {
    let server: RedisServer
    let redis: RedisClient
    let store: SessionStore
    let keys: KeyRing

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a test with a Redis and a connected client of its own.
    static func run(
        idle: Duration = .seconds(3600), absolute: Duration = .seconds(7200), grace: Duration = .seconds(60),
        server arguments: [String] = [], _ body: (SessionCluster) async throws -> Void
    ) async throws {
        try await withRedisServer(arguments) { server in
            try await Self.withClient(server) { redis in
                let clock = RedisClock()
                let store = SessionStore(
                    redis: redis, prefix: "rejoin:",
                    life: try SessionLife(idle: idle, absolute: absolute, grace: grace), clock: clock,
                    logger: Self.logger)
                let keys = KeyRing(
                    configured: try CredentialKeys([CredentialKey.random()]), clock: clock, logger: Self.logger)
                try await body(SessionCluster(server: server, redis: redis, store: store, keys: keys))
            }
        }
    }

    /// Runs a body with a connected client of this server.
    static func withClient(_ server: RedisServer, _ body: (RedisClient) async throws -> Void) async throws {
        let redis = RedisClient(
            configuration: try RedisConfiguration(url: server.url),
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            let result: Result<Void, any Error>
            do {
                try await redis.waitUntilConnected(timeout: .seconds(5))
                try await body(redis)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            while let ended = await group.nextResult() { _ = ended }
            try result.get()
        }
    }

    /// A session that was opened.
    func open(_ credential: Credential) async throws -> Session {
        guard case .opened(let session) = try await self.store.open(credential) else {
            throw TestSupportError("the credential is dead")
        }
        return session
    }

    /// A login in the record of this credential, or in a new one.
    func logIn(
        _ credential: Credential?, as user: String = "1", delivery: SessionLogin.Delivery = .ticket
    ) async throws -> SessionLoginResult.LoggedIn {
        var place: SessionLogin.Place?
        if let credential {
            let session = try await self.open(credential)
            if session.rights == .full {
                place = .init(
                    handle: session.handle, generation: session.generation, secret: credential.secret.digest)
            }
        }
        return try await self.logIn(place: place, as: user, delivery: delivery)
    }

    func logIn(
        place: SessionLogin.Place?, as user: String = "1", delivery: SessionLogin.Delivery = .ticket
    ) async throws -> SessionLoginResult.LoggedIn {
        let result = try await self.store.logIn(
            SessionLogin(
                place: place, user: SessionUser(id: user, name: "name of \(user)"),
                userGeneration: try await self.store.userGeneration(of: user), delivery: delivery, client: "test",
                address: "192.0.2.1"))
        guard case .loggedIn(let login) = result else { throw TestSupportError("the login was refused") }
        return login
    }

    /// A player's session whose ticket was claimed, with its credential.
    func player(_ user: String = "1") async throws -> (login: SessionGuard, credential: Credential) {
        let login = try await self.logIn(try self.keys.issueGuest(), as: user)
        return (login.loginGuard, try await self.claim(login))
    }

    func claim(_ login: SessionLoginResult.LoggedIn, presented: Credential? = nil) async throws -> Credential {
        guard case .ticket(let ticket) = login.proof,
            case .claimed(let claimed, _, let secret, _) = try await self.store.claim(ticket, presented: presented)
        else { throw TestSupportError("the claim was refused") }
        return try self.keys.issue(.player, handle: claimed.handle, secret: secret)
    }

    func field(_ name: String, of handle: SessionHandle) async throws -> String {
        try await self.server.command("HGET", self.store.keys.session(handle), name)
    }

    /// Makes a record look as if it had been used so long ago.
    func makeStale(_ handle: SessionHandle, seconds: Int) async throws {
        let seen = Int(try await self.field("seen", of: handle)) ?? 0
        try await self.server.command("HSET", self.store.keys.session(handle), "seen", "\(seen - seconds * 1000)")
    }

    /// What is left of the record's life in Redis, in ms; -2 when there is none.
    func life(of handle: SessionHandle) async throws -> Int {
        Int(try await self.server.command("PTTL", self.store.keys.session(handle))) ?? -3
    }
}

extension SessionLoginResult.LoggedIn {
    var ticket: Ticket? {
        if case .ticket(let ticket) = self.proof { ticket } else { nil }
    }

    var secret: Secret? {
        if case .secret(let secret) = self.proof { secret } else { nil }
    }
}
