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
    private let saltCharacters: Int
    private let digestCharacters: Int

    /// Reads a hash from the store.
    ///
    /// - Throws: `unsupportedHash`, with the name of the scheme that made it.
    init(encoded: String) throws(AccountsError) {
        let parts = encoded.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1] == "argon2id",
            parts[2].hasPrefix("v="), let version = UInt32(parts[2].dropFirst(2)),
            let cost = Self.cost(parts[3]), !parts[4].isEmpty, !parts[5].isEmpty, parts[5].utf8.count <= 128
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
        self.saltCharacters = parts[4].utf8.count
        self.digestCharacters = parts[5].utf8.count
    }

    /// Whether it costs an attacker less than a hash that is made today.
    var isWeak: Bool {
        let today = Cost()
        return self.cost.memory < today.memory || self.cost.iterations < today.iterations
            || self.version < ARGON2_VERSION_13.rawValue
            || self.saltCharacters < Self.base64Characters(Self.saltBytes)
            || self.digestCharacters < Self.base64Characters(Self.digestBytes)
    }

    /// A hash of today's cost that no password has: verifying against it takes as long as against a real one.
    static let ofNobody: String = {
        let salt = Self.base64(Self.randomBytes(Self.saltBytes))
        let digest = Self.base64(Self.randomBytes(Self.digestBytes))
        let cost = Cost()
        return "$argon2id$v=19$m=\(cost.memory),t=\(cost.iterations),p=\(cost.parallelism)$\(salt)$\(digest)"
    }()

    /// Hashes a password with a new salt. Blocks for the whole cost.
    ///
    /// - Throws: `unavailable` when there is no memory for it.
    static func make(_ password: [UInt8], cost: Cost = Cost()) throws(AccountsError) -> String {
        let salt = Self.randomBytes(Self.saltBytes)
        let length = argon2_encodedlen(
            cost.iterations, cost.memory, cost.parallelism, UInt32(Self.saltBytes), UInt32(Self.digestBytes), Argon2_id)
        var encoded = [CChar](repeating: 0, count: length)
        let result = argon2id_hash_encoded(
            cost.iterations, cost.memory, cost.parallelism, password, password.count, salt, salt.count,
            Self.digestBytes, &encoded, length)
        guard result == ARGON2_OK.rawValue else { throw Self.failure(result) }
        return String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether `encoded` is the hash of that password. Blocks for the whole cost; compares in constant time.
    ///
    /// - Throws: `unavailable` when there is no memory for it; `unsupportedHash` when libargon2 cannot read it.
    static func verify(_ password: [UInt8], against encoded: String) throws(AccountsError) -> Bool {
        let result = argon2id_verify(encoded, password, password.count)
        switch result {
        case ARGON2_OK.rawValue: return true
        case ARGON2_VERIFY_MISMATCH.rawValue: return false
        default: throw Self.failure(result)
        }
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

    private static func base64Characters(_ bytes: Int) -> Int {
        (bytes * 4 + 2) / 3
    }

    private static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    /// Base64 without padding, as the PHC string format has it.
    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                result.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 63)]) }
        return String(decoding: result, as: UTF8.self)
    }
}
