import Crypto
import Metrics
public import RedisClient
import Synchronization

/// Limits failed logins for the whole cluster: for an account from one address, for an address, for an account from
/// addresses that never logged in to it.
///
/// `admit` comes before the password is hashed and reserves the guess, so that no number of concurrent guesses passes a
/// limit; `settle` says how it ended. Names and addresses are in Redis as hashes only. Any thread may call.
public final class LoginLimiter: Sendable {
    /// How many addresses of an account are remembered, and for how long.
    private static let knownAddresses = 64
    private static let knownFor = Duration.seconds(90 * 86400)
    private static let limitScript = RedisScript(name: "login-limit", source: PackageResources.login_limit_lua)
    private static let settleScript = RedisScript(name: "login-settle", source: PackageResources.login_settle_lua)
    /// How often a waiting guess asks again.
    private static let pollInterval = Duration.milliseconds(50)

    /// The limits.
    public let limits: LoginLimits
    private let redis: RedisClient
    private let prefix: String
    private let waiting = Atomic(0)
    private let refused = Counter(label: "rejoin_sessions_logins_limited_total")

    /// - Parameters:
    ///   - redis: the connection for commands.
    ///   - prefix: before every key, `rejoin:` by default.
    ///   - limits: how many failures are let through.
    public init(redis: RedisClient, prefix: String, limits: LoginLimits) {
        self.redis = redis
        self.prefix = prefix
        self.limits = limits
    }

    /// Asks whether a password may be tried, and reserves the guess.
    ///
    /// When only guesses that are being verified stand in the way, it waits for them, for at most `patience`.
    ///
    /// - Parameters:
    ///   - account: the account's name, normalised; it need not exist.
    ///   - address: where the guess comes from.
    ///   - browser: the caller's session when its last login was this account's (`Session.lastLogin`), which then
    ///     has a counter of its own, so that nobody else's failures lock it out; else nil.
    /// - Throws: `SessionError` with `.unavailable` when Redis cannot serve.
    public func admit(
        account: String, address: IPAddress, browser: SessionHandle? = nil
    ) async throws(SessionError) -> LoginAdmission {
        let attempt = self.attempt(account: account, address: address, browser: browser)
        let deadline = ContinuousClock.now + self.limits.patience
        var isWaiting = false
        defer { if isWaiting { self.waiting.subtract(1, ordering: .relaxed) } }
        while true {
            if let admission = try await self.ask(attempt) {
                if case .limited = admission { self.refused.increment() }
                return admission
            }
            if !isWaiting {
                isWaiting = true
                self.waiting.add(1, ordering: .relaxed)
            }
            guard self.waiting.load(ordering: .relaxed) <= self.limits.maximumWaiting,
                ContinuousClock.now < deadline
            else {
                self.refused.increment()
                return .limited(retryAfter: 1000)
            }
            do {
                try await Task.sleep(for: Self.pollInterval + .milliseconds(Int.random(in: 0...25)))
            } catch {
                throw SessionError(.unavailable, "cancelled while other logins were verified")
            }
        }
    }

    /// Says how an admitted attempt ended.
    ///
    /// - Returns: how long the next guess has to wait, in ms; 0 when it need not.
    /// - Throws: `SessionError` with `.unavailable` when Redis cannot serve. Then a wrong password must not be told
    ///   from a right one: the failure is not counted yet.
    @discardableResult
    public func settle(_ attempt: LoginAttempt, as outcome: LoginOutcome) async throws(SessionError) -> Int {
        var arguments: [RedisArgument] = [
            .string(attempt.field),
            .string(outcome.rawValue),
            .integer(self.limits.window.milliseconds),
            .integer(self.limits.firstWait.milliseconds),
            .integer(self.limits.longestWait.milliseconds),
            .string(attempt.address),
            .integer(Self.knownAddresses),
            .integer(Self.knownFor.milliseconds),
            .integer(attempt.counters.count),
        ]
        for counter in attempt.counters {
            arguments.append(.integer(counter.limit))
            arguments.append(counter.clears ? "1" : "0")
        }
        var keys = attempt.counters.map(\.key)
        if outcome == .succeeded { keys.append(attempt.knownKey) }
        return try await self.run(Self.settleScript, keys: keys, arguments: arguments).int(1)
    }

    /// One question; nil while only unsettled guesses are in the way.
    private func ask(_ attempt: LoginAttempt) async throws(SessionError) -> LoginAdmission? {
        var arguments: [RedisArgument] = [
            .string(attempt.field),
            .integer(self.limits.window.milliseconds),
            .integer(self.limits.verification.milliseconds),
            .string(attempt.address),
            .integer(attempt.counters.count),
        ]
        for counter in attempt.counters {
            arguments.append(.integer(counter.limit))
            arguments.append(counter.exemptsKnown ? "1" : "0")
        }
        let reply = try await self.run(
            Self.limitScript, keys: attempt.counters.map(\.key) + [attempt.knownKey], arguments: arguments)
        switch try reply.string(1) {
        case "admitted":
            var counters: [LoginAttempt.Counter] = []
            for index in reply.values.indices.dropFirst(2) {
                let position = try reply.int(index) - 1
                guard attempt.counters.indices.contains(position) else { throw .unexpectedReply(of: reply.script) }
                counters.append(attempt.counters[position])
            }
            return .admitted(
                LoginAttempt(
                    field: attempt.field, counters: counters, knownKey: attempt.knownKey, address: attempt.address))
        case "limited": return .limited(retryAfter: try reply.int(2))
        case "busy": return nil
        default: throw .unexpectedReply(of: reply.script)
        }
    }

    private func attempt(account: String, address: IPAddress, browser: SessionHandle?) -> LoginAttempt {
        let keys = "\(self.prefix)limit:{login}:"
        let network = address.limitedNetwork
        let accountHash = Self.hash(account)
        let addressHash = Self.hash(network)
        let counters: [LoginAttempt.Counter]
        if let browser {
            counters = [
                .init(
                    key: "\(keys)browser:\(browser):\(accountHash)", limit: self.limits.perAccountAndAddress,
                    clears: true, exemptsKnown: false)
            ]
        } else {
            counters = [
                .init(
                    key: "\(keys)pair:\(accountHash):\(addressHash)", limit: self.limits.perAccountAndAddress,
                    clears: true, exemptsKnown: false),
                .init(
                    key: "\(keys)address:\(addressHash)", limit: self.limits.perAddress, clears: false,
                    exemptsKnown: false),
                .init(
                    key: "\(keys)account:\(accountHash)", limit: self.limits.perAccountFromUnknownAddresses,
                    clears: false, exemptsKnown: true),
            ]
        }
        return LoginAttempt(
            field: SessionHandle.random().description, counters: counters, knownKey: "\(keys)known:\(accountHash)",
            address: addressHash)
    }

    private func run(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument]
    ) async throws(SessionError) -> ScriptReply {
        let reply: RedisValue
        do {
            reply = try await self.redis.eval(script, keys: keys, arguments: arguments)
        } catch {
            throw SessionError(error)
        }
        return try ScriptReply(reply, script: script.name)
    }

    /// The first 128 bits of SHA-256.
    private static func hash(_ text: String) -> String {
        var hash = SHA256()
        hash.update(data: Array(text.utf8))
        return hash.finalize().withUnsafeBytes { Base64URL.encode(UnsafeRawBufferPointer(rebasing: $0[..<16])) }
    }
}
