public import Logging
import Metrics
public import RedisClient
import Synchronization

/// The keys of this cluster, as one node knows them: issues credentials and verifies them.
///
/// Either they are configured (`REJOIN_COOKIE_KEYS`), or the nodes agree on them through the hash `keys` in Redis: then
/// `run()` must be running, and the ring is ready once it has heard from Redis. Any thread may call.
public final class KeyRing: Sendable {
    /// How many credentials may wait at once for a look into Redis; more are answered `unavailable`.
    static let maximumWaiting = 1024

    let source: AgreedKeys?
    let clock: RedisClock
    let logger: Logger
    private let metrics = CredentialMetrics()
    private let state: Mutex<State>

    struct State {
        var keys: CredentialKeys?
        /// What the keys were made of, when they were agreed on.
        var agreed: [AgreedKey] = []
        var lookups = KeyLookups()
    }

    /// A ring of configured keys: never asks Redis, always ready.
    ///
    /// - Parameter clock: the clock of the session store, which dates what is issued.
    public init(configured keys: CredentialKeys, clock: RedisClock, logger: Logger) {
        self.source = nil
        self.clock = clock
        self.logger = logger
        self.state = Mutex(State(keys: keys))
    }

    /// A ring of keys that the cluster agrees on through Redis.
    ///
    /// - Parameters:
    ///   - redis: the connection for commands.
    ///   - prefix: before every key, `rejoin:` by default.
    ///   - clock: the clock of the session store, which dates what is issued.
    public init(agreedThrough redis: RedisClient, prefix: String, clock: RedisClock, logger: Logger) {
        self.source = AgreedKeys(redis: redis, key: prefix + "keys")
        self.clock = clock
        self.logger = logger
        self.state = Mutex(State(keys: nil))
    }

    /// Whether it has a key: without one the node is not ready.
    public var isReady: Bool {
        self.state.withLock { $0.keys != nil }
    }

    /// Makes a credential, signed by the current key.
    ///
    /// - Parameters:
    ///   - kind: guest for a session without a login, player for one with.
    ///   - handle: the record's name.
    ///   - secret: the record's current secret.
    /// - Throws: `SessionError` with `.unavailable` while no key is agreed on.
    public func issue(
        _ kind: Credential.Kind, handle: SessionHandle, secret: Secret
    ) throws(SessionError) -> Credential {
        guard let keys = self.state.withLock({ $0.keys }) else {
            throw SessionError(.unavailable, "no signing key is agreed on yet")
        }
        return keys.issue(kind, handle: handle, secret: secret, issued: self.clock.now / 1000)
    }

    /// Makes the credential of a new visitor: new handle, new secret, no record.
    ///
    /// - Throws: `SessionError` with `.unavailable` while no key is agreed on.
    public func issueGuest() throws(SessionError) -> Credential {
        try self.issue(.guest, handle: .random(), secret: .random())
    }

    /// Checks the signature with the keys this node knows; asks nobody and never waits.
    public func verify(_ credential: Credential) -> CredentialVerification {
        guard let keys = self.state.withLock({ $0.keys }) else { return .unknownKey }
        let verification = keys.verify(credential)
        return self.source == nil && verification == .unknownKey ? .forged : verification
    }

    /// Reads and checks what a client sent: the whole way from its text to a genuine credential. What is malformed or
    /// forged costs no round trip and is counted.
    ///
    /// A key that this node does not know is looked up in Redis before the credential is called forged; such look-ups
    /// are shared, at most one a second, so that the answer may take that long.
    ///
    /// - Parameter text: the cookie's value, or the token of a CONNECT.
    /// - Throws: `SessionError` with `.unavailable` when a look-up is needed and Redis does not answer, or too many
    ///   wait.
    public func read(_ text: some StringProtocol & Sendable) async throws(SessionError) -> CredentialReading {
        guard let credential = Credential(text) else {
            self.metrics.malformed.increment()
            return .worthless
        }
        var verification = self.verify(credential)
        if verification == .unknownKey {
            try await self.lookUp()
            verification = self.verify(credential)
        }
        switch verification {
        case .valid(_, _, let signedByCurrentKey):
            self.metrics.valid.increment()
            return .genuine(credential, signedByCurrentKey: signedByCurrentKey)
        case .forged:
            self.metrics.forged.increment()
            return .worthless
        case .unknownKey:
            self.metrics.unknownKey.increment()
            return .worthless
        }
    }

    func withState<R>(_ body: (inout sending State) -> sending R) -> sending R {
        self.state.withLock(body)
    }
}

/// What a client's text turned out to be.
public enum CredentialReading: Sendable {
    /// A credential that this cluster issued. The record decides what it is worth.
    ///
    /// - Parameter signedByCurrentKey: false when its key has been replaced: it is sent again, signed anew.
    case genuine(Credential, signedByCurrentKey: Bool)
    /// Malformed or forged: as if there were none.
    case worthless
}

/// Counts what clients present.
private struct CredentialMetrics: Sendable {
    let valid = Self.counter("valid")
    let malformed = Self.counter("malformed")
    let forged = Self.counter("forged")
    let unknownKey = Self.counter("unknown_key")

    private static func counter(_ result: String) -> Counter {
        Counter(label: "rejoin_sessions_credentials_total", dimensions: [("result", result)])
    }
}
