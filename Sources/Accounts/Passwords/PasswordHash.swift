import CArgon2

/// A password's hash by Argon2id (RFC 9106), in the PHC string format.
struct PasswordHash: Sendable, Hashable {
    /// What a hash costs. The default is OWASP's recommendation: 31 ms of one core and 19 MiB.
    struct Cost: Sendable, Hashable {
        /// KiB.
        var memory: UInt32 = 19_456
        /// Passes over the memory.
        var iterations: UInt32 = 2
        /// Lanes.
        var parallelism: UInt32 = 1

        /// What is refused from a store: one hash must not take the node down.
        static let maximum = Cost(memory: 1 << 18, iterations: 16, parallelism: 16)
    }

    static let saltBytes = 16
    static let digestBytes = 32

    let encoded: String
    private let cost: Cost
    private let version: UInt32
    private let salt: [UInt8]
    private let digest: [UInt8]

    /// Reads a hash from the store.
    ///
    /// - Throws: `unsupportedHash`, with the name of the scheme that made it.
    init(encoded: String) throws(AccountsError) {
        let parts = encoded.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id",
            parts[2].hasPrefix("v="), let version = UInt32(parts[2].dropFirst(2)),
            let cost = Self.cost(parts[3]), let salt = PHCBase64.decode(parts[4]),
            let digest = PHCBase64.decode(parts[5]), (8...96).contains(salt.count), (4...96).contains(digest.count)
        else {
            throw AccountsError(
                .unsupportedHash,
                """
                the stored password hash was made by \(Self.scheme(of: encoded)); expected is \
                $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH; set a new password for this account
                """)
        }
        let most = Cost.maximum
        guard cost.memory <= most.memory, cost.iterations <= most.iterations, cost.parallelism <= most.parallelism
        else {
            throw AccountsError(
                .unsupportedHash,
                """
                the stored password hash costs m=\(cost.memory),t=\(cost.iterations),p=\(cost.parallelism), more than \
                m=\(most.memory),t=\(most.iterations),p=\(most.parallelism), the most that is allowed; set a new \
                password for this account
                """)
        }
        self.encoded = encoded
        self.cost = cost
        self.version = version
        self.salt = salt
        self.digest = digest
    }

    /// Whether it costs an attacker less than a hash that is made today.
    var isWeak: Bool {
        let today = Cost()
        return self.cost.memory < today.memory || self.cost.iterations < today.iterations
            || self.version < ARGON2_VERSION_13.rawValue
            || self.salt.count < Self.saltBytes || self.digest.count < Self.digestBytes
    }

    /// A hash of today's cost that no password has: verifying against it takes as long as against a real one.
    static let ofNobody = PasswordHash(
        cost: Cost(), salt: Self.randomBytes(Self.saltBytes), digest: Self.randomBytes(Self.digestBytes))

    private init(cost: Cost, salt: [UInt8], digest: [UInt8]) {
        self.cost = cost
        self.version = ARGON2_VERSION_13.rawValue
        self.salt = salt
        self.digest = digest
        self.encoded =
            "$argon2id$v=\(self.version)$m=\(cost.memory),t=\(cost.iterations),p=\(cost.parallelism)$"
            + "\(PHCBase64.encode(salt))$\(PHCBase64.encode(digest))"
    }

    /// Hashes a password with a new salt. Blocks for the whole cost.
    ///
    /// - Throws: `unavailable` when there is no memory for it.
    static func make(_ password: [UInt8], cost: Cost = Cost()) throws(AccountsError) -> String {
        var salt = Self.randomBytes(Self.saltBytes)
        let digest = try Self.digest(
            password, salt: &salt, cost: cost, version: ARGON2_VERSION_13.rawValue, bytes: Self.digestBytes)
        return PasswordHash(cost: cost, salt: salt, digest: digest).encoded
    }

    /// Whether this is the hash of that password. Blocks for the whole cost; compares in constant time.
    ///
    /// - Throws: `unavailable` when there is no memory for it; `unsupportedHash` when libargon2 cannot compute it.
    func verify(_ password: [UInt8]) throws(AccountsError) -> Bool {
        var salt = self.salt
        let digest = try Self.digest(
            password, salt: &salt, cost: self.cost, version: self.version, bytes: self.digest.count)
        return zip(digest, self.digest).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func digest(
        _ password: [UInt8], salt: inout [UInt8], cost: Cost, version: UInt32, bytes: Int
    ) throws(AccountsError) -> [UInt8] {
        var password = password
        var digest = [UInt8](repeating: 0, count: bytes)
        let result = digest.withUnsafeMutableBufferPointer { digest in
            password.withUnsafeMutableBufferPointer { password in
                salt.withUnsafeMutableBufferPointer { salt in
                    var context = argon2_context()
                    context.out = digest.baseAddress
                    context.outlen = UInt32(digest.count)
                    context.pwd = password.baseAddress
                    context.pwdlen = UInt32(password.count)
                    context.salt = salt.baseAddress
                    context.saltlen = UInt32(salt.count)
                    context.t_cost = cost.iterations
                    context.m_cost = cost.memory
                    context.lanes = cost.parallelism
                    context.threads = cost.parallelism
                    context.version = version
                    context.allocate_cbk = { HashMemory.allocate($0, $1) }
                    context.free_cbk = { HashMemory.deallocate($0, $1) }
                    return argon2id_ctx(&context)
                }
            }
        }
        guard result == ARGON2_OK.rawValue else { throw Self.failure(result) }
        return digest
    }

    private static func failure(_ result: CInt) -> AccountsError {
        let reason = argon2_error_message(result).map { String(cString: $0) } ?? "error \(result)"
        if result == ARGON2_MEMORY_ALLOCATION_ERROR.rawValue || result == ARGON2_THREAD_FAIL.rawValue {
            return AccountsError(.unavailable, "no memory to hash a password: \(reason); try again later")
        }
        return AccountsError(
            .unsupportedHash, "the stored password hash cannot be used: \(reason); set a new password for this account")
    }

    private static func cost(_ text: Substring) -> Cost? {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 3, fields[0].hasPrefix("m="), fields[1].hasPrefix("t="), fields[2].hasPrefix("p="),
            let memory = UInt32(fields[0].dropFirst(2)), let iterations = UInt32(fields[1].dropFirst(2)),
            let parallelism = UInt32(fields[2].dropFirst(2))
        else { return nil }
        return Cost(memory: memory, iterations: iterations, parallelism: parallelism)
    }

    /// The scheme's name, for a message; never anything of the hash itself.
    private static func scheme(of encoded: String) -> String {
        for (prefix, name) in [
            ("$2", "bcrypt"), ("$scrypt$", "scrypt"), ("$7$", "scrypt"), ("$s0$", "scrypt"), ("$argon2i$", "Argon2i"),
            ("$argon2d$", "Argon2d"), ("$pbkdf2", "PBKDF2"), ("pbkdf2_", "PBKDF2"), ("$1$", "MD5-crypt"),
            ("$5$", "SHA-256-crypt"), ("$6$", "SHA-512-crypt"), ("$y$", "yescrypt"),
        ] where encoded.hasPrefix(prefix) {
            return name
        }
        return encoded.hasPrefix("$argon2id$") ? "Argon2id but is damaged" : "an unknown scheme"
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }
}
