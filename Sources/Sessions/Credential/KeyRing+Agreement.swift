import Crypto
import Logging
import RedisClient
public import ServiceLifecycle

/// Where agreed keys are.
struct AgreedKeys: Sendable {
    static let script = RedisScript(name: "keys", source: PackageResources.keys_lua)
    /// How many keys a node takes from Redis at most, the oldest first.
    static let maximum = 64

    let redis: RedisClient
    let key: String
    /// This node's proposal, the same for as long as it lives.
    let proposal = CredentialKey.random()
}

/// A key and when the cluster got it, in ms: the oldest signs.
struct AgreedKey: Sendable {
    let key: CredentialKey
    let created: Int

    /// `CREATED:KEY`, as the hash holds it.
    var text: String {
        "\(self.created):\(self.key.key.withUnsafeBytes { Base64URL.encode($0) })"
    }

    init(_ key: CredentialKey, created: Int) {
        self.key = key
        self.created = created
    }

    /// Reads an entry of the hash; nil when it is none that a node wrote: the id is derived from the key.
    init?(id: String, text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let created = Int(parts[0]), created >= 0,
            let bytes = Base64URL.decode(parts[1], count: 32),
            let key = try? CredentialKey(SymmetricKey(data: bytes)), key.id.description == id
        else { return nil }
        self.init(key, created: created)
    }
}

extension KeyRing: Service {
    /// How often agreed keys are compared with Redis's when nothing else calls for it.
    static let comparisonInterval = Duration.seconds(5)
    static let tick = Duration.milliseconds(500)

    /// Keeps the agreed keys: agrees at the start, again when Redis was replaced, and every 5 s, so that every node
    /// writes back what it knows where it is missing. Ends when its task is cancelled or a graceful shutdown begins.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.keepAgreement() }
        } catch is CancellationError {
            // That is how it ends.
        }
    }

    /// Agrees with Redis on the keys now.
    ///
    /// - Throws: `SessionError` when Redis cannot serve, or holds no key that can be read.
    public func agree() async throws(SessionError) {
        guard let source = self.source else { return }
        let known = self.withState { $0.agreed }
        var arguments: [RedisArgument] = [
            .string(source.proposal.id.description),
            .string(source.proposal.key.withUnsafeBytes { Base64URL.encode($0) }),
        ]
        for key in known {
            arguments.append(.string(key.key.id.description))
            arguments.append(.string(key.text))
        }
        let reply: RedisValue
        do {
            reply = try await source.redis.eval(AgreedKeys.script, keys: [source.key], arguments: arguments)
        } catch {
            throw SessionError(error)
        }
        guard let values = reply.array, values.count % 2 == 1, let now = values[0].int else {
            throw .unexpectedReply(of: "keys")
        }
        self.clock.heard(now)
        try self.adopt(values.dropFirst())
    }

    private func adopt(_ values: ArraySlice<RedisValue>) throws(SessionError) {
        var read: [AgreedKey] = []
        for index in stride(from: values.startIndex, to: values.endIndex, by: 2) {
            guard let id = values[index].string, let text = values[index + 1].string,
                let key = AgreedKey(id: id, text: text)
            else {
                self.logger.warning("a signing key in redis is malformed and ignored")
                continue
            }
            read.append(key)
        }
        read.sort { ($0.created, $0.key.id.rawValue) < ($1.created, $1.key.id.rawValue) }
        let oldest = Array(read.prefix(AgreedKeys.maximum))
        let keys = try CredentialKeys(agreed: oldest)
        self.withState { state in
            state.agreed = oldest
            state.keys = keys
        }
    }

    private func keepAgreement() async throws {
        guard let source = self.source else {
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
        var agreedWith: String?
        var next = ContinuousClock.now
        var isWarned = false
        while true {
            let server = source.redis.server?.replicationID
            if let server, server != agreedWith || ContinuousClock.now >= next {
                do {
                    try await self.agree()
                    agreedWith = server
                    next = ContinuousClock.now + Self.comparisonInterval
                    isWarned = false
                } catch {
                    if !isWarned {
                        self.logger.warning(
                            "signing keys could not be agreed on", metadata: ["error": "\(error.message)"])
                    }
                    isWarned = true
                }
            }
            // A node that has no key yet is not ready: it looks more often.
            try await Task.sleep(for: agreedWith == nil ? .milliseconds(20) : Self.tick)
        }
    }
}

extension CredentialKeys {
    fileprivate init(agreed: [AgreedKey]) throws(SessionError) {
        guard !agreed.isEmpty else { throw SessionError(.internal, "redis holds no signing key that can be read") }
        try self.init(agreed.map(\.key))
    }
}
