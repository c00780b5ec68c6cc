package import Accounts
package import Cluster
import CoreMetrics
import EngineIO
package import JSONWebTokens
package import Logging
package import NIOCore
package import RedisClient
import ServiceLifecycle
package import SocketIO
import Synchronization

/// Who the sockets of this node are: opens their sessions, logs them in and out while they stay open, and turns them
/// to watchers when their session ends, wherever that happens.
public final class SessionService: Sendable {
    /// What it may be told.
    package struct Configuration: Sendable {
        package var node = ""
        package var messagesPerSecond = 20
        package var messageBurst = 40
        package var socketsPerSession = 20
        package var sessionsPerUser = 0
        package var sweepInterval = Duration.seconds(20)
        /// How many endings of a quarter of an hour are kept.
        package var endings = 100_000
        /// How many sessions of a user are looked at in a second for its lists of devices; ten times as many at once.
        package var listedPerSecond = 200

        package init() {}
    }

    let configuration: Configuration
    let keys: KeyRing
    let store: SessionStore
    let accounts: Accounts
    let tokens: JSONWebTokenVerifier?
    let limiter: LoginLimiter
    let cluster: Cluster
    let replicas: RedisReplicas
    let requests: RequestPolicy
    let isServing: @Sendable () -> String?
    let logger: Logger
    let counters = SessionCounters()
    let indexes: EventLoopLocal<SessionIndex>
    let seats = SessionSeats()
    let recentEndings: RecentEndings
    /// Of the Redis that this node was connected to last.
    let replicationID = Mutex<String?>(nil)
    let replacements = ReplacedSessions()
    let listings: DeviceListings
    private let userHandler = Mutex<(@Sendable (Socket, SessionUser?) -> Void)?>(nil)

    /// - Parameters:
    ///   - tokens: says whom the tokens of an identity provider name; `nil`: none is taken.
    ///   - isServing: `nil` while new sockets may come, else why not; asked at every handshake.
    package init(
        configuration: Configuration, keys: KeyRing, store: SessionStore, accounts: Accounts,
        tokens: JSONWebTokenVerifier?, limiter: LoginLimiter, cluster: Cluster, replicas: RedisReplicas,
        requests: RequestPolicy, eventLoops: [any EventLoop],
        isServing: @escaping @Sendable () -> String?, logger: Logger
    ) {
        self.configuration = configuration
        self.keys = keys
        self.store = store
        self.accounts = accounts
        self.tokens = tokens
        self.limiter = limiter
        self.cluster = cluster
        self.replicas = replicas
        recentEndings = RecentEndings(maximum: configuration.endings)
        listings = DeviceListings(perSecond: configuration.listedPerSecond)
        self.requests = requests
        self.isServing = isServing
        self.logger = logger
        indexes = EventLoopLocal(eventLoops: eventLoops)
    }

    /// Makes the parts that live on the event loops, and listens to the other nodes. To be awaited before a socket comes.
    package func start(eventLoops: [any EventLoop]) async throws {
        for eventLoop in eventLoops {
            try await eventLoop.submit { self.indexes[eventLoop] = SessionIndex() }.get()
        }
        listen()
        repeatEndingsToEveryNewRedis()
    }

    /// Calls a handler whenever a socket's user has become another after its CONNECT, on the socket's event loop, with who
    /// it was before. One handler, set before a socket comes.
    package func onUserChange(_ handler: @escaping @Sendable (_ socket: Socket, _ former: SessionUser?) -> Void) {
        userHandler.withLock { $0 = handler }
    }

    // MARK: What a socket may do

    /// Who is logged in on a socket, as the socket knows it; nil for a watcher.
    package func user(of socket: Socket) -> SessionUser? { socket.session?.user }

    /// The player that a socket is.
    ///
    /// - Throws: `login_required` for a watcher.
    package func player(of socket: Socket) throws(RequestFailure) -> (user: SessionUser, guard: SessionGuard) {
        guard let session = socket.session, let user = session.user, let identity = session.identity,
            let loginGuard = session.loginGuard
        else {
            throw RequestFailure(.loginRequired, "a watcher may not act; log in first, over this same socket")
        }
        guard store.clock.now < identity.expires else {
            turnToWatcher(socket, .expired, keeping: nil)
            throw RequestFailure(.loginRequired, "the session has expired; log in again, over this same socket")
        }
        return (user, loginGuard)
    }

    /// Takes one message from a socket's rate.
    ///
    /// - Returns: `nil` when it may come, else when to try again.
    package func takeToken(of socket: Socket) -> Duration? {
        socket.session?.bucket.take(now: .now())
    }

    /// The limit that ``takeToken(of:)`` enforces, for people.
    package var messageLimitText: String {
        "at most \(configuration.messagesPerSecond) messages a second (bursts of \(configuration.messageBurst)) are"
            + " expected of a socket; send again after retryAfter"
    }

    // MARK: Changes

    /// Tells a socket who it is now.
    func announce(_ reason: SessionReason, to socket: Socket, token: String? = nil) {
        guard let session = socket.session else { return }
        var writer = JSONObjectWriter()
        writer.member("login", bool: session.user != nil)
        if let user = session.user {
            writer.member("user", json: user.json)
        } else {
            writer.memberNull("user")
        }
        if let handle = session.identity?.handle {
            writer.member("handle", string: handle.description)
        } else {
            writer.memberNull("handle")
        }
        writer.member("node", string: configuration.node)
        writer.member("reason", string: reason.rawValue)
        if let token {
            writer.member("token", string: token)
        }
        socket.emit("session", writer.finish())
    }

    /// Moves a socket to another record, or to none.
    func move(_ socket: Socket, to identity: SocketSession.Identity?) {
        guard let session = socket.session else { return }
        let index = indexes[socket.eventLoop]
        let old = session.identity
        if let old, old.handle != identity?.handle {
            index?.remove(socket, under: old.handle)
        }
        session.identity = identity
        if let identity { (socket.context as? SessionHandshake)?.admit(identity.handle) }
        guard let identity, socket.isConnected else {
            session.seat = nil
            return
        }
        index?.insert(socket, under: identity.handle)
        if session.seat == nil || old?.handle != identity.handle || old?.isAlias != identity.isAlias {
            session.seat = seats.take(identity.handle, isAlias: identity.isAlias)
        }
    }

    /// Somebody is logged in on an open socket from now on, or nobody any more.
    func setUser(_ user: SessionUser?, of socket: Socket) {
        guard let session = socket.session else { return }
        let former = session.user
        session.user = user
        if user != former { userHandler.withLock { $0 }?(socket, former) }
    }

    /// A login has ended: its socket watches from now on.
    func turnToWatcher(_ socket: Socket, _ reason: SessionReason, keeping identity: SocketSession.Identity?) {
        guard socket.session != nil else { return }
        setUser(nil, of: socket)
        move(socket, to: identity)
        announce(reason, to: socket)
        counters.endings.increment()
    }
}

extension SessionUser {
    /// `{"id":…,"name":…}`
    package var json: JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("id", string: id)
        writer.member("name", string: name)
        return writer.finish()
    }
}

/// What the session service counts.
struct SessionCounters: Sendable {
    let logins = Counter(label: "rejoin_sessions_logins_total")
    let failedLogins = Counter(label: "rejoin_sessions_logins_failed_total")
    let registrations = Counter(label: "rejoin_sessions_registrations_total")
    let logouts = Counter(label: "rejoin_sessions_logouts_total")
    let endings = Counter(label: "rejoin_sessions_sockets_turned_total")
    let opened = Counter(label: "rejoin_sessions_opened_total")
    let refusedListings = Counter(label: "rejoin_sessions_listings_refused_total")
    let repeatedEndings = Counter(label: "rejoin_sessions_endings_repeated_total")
}
