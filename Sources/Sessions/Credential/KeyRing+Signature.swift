import Crypto

/// What the nodes of a cluster prove to each other by the keys that all of them share.
extension KeyRing {
    /// Signatures are made with so many keys at most: while a new key is rolled out, every node knows one of them.
    private static let maximumSigningKeys = 4

    /// Signs a message for the other nodes, with a key of its own derived from each signing key (RFC 5869).
    ///
    /// - Parameter purpose: what the message is about; a signature for another purpose is worth nothing.
    /// - Returns: printable ASCII without spaces; `nil` while no key is agreed on.
    package func sign(_ message: String, for purpose: String) -> String? {
        guard let keys = withState({ $0.keys }) else { return nil }
        return keys.keys.prefix(Self.maximumSigningKeys).map { key in
            Self.code(message, purpose, key).withUnsafeBytes { Base64URL.encode($0) }
        }.joined(separator: ".")
    }

    /// Whether a node of this cluster signed the message.
    package func verify(_ signature: String, of message: String, for purpose: String) -> Bool {
        guard let keys = withState({ $0.keys }) else { return false }
        let codes = signature.split(separator: ".", maxSplits: Self.maximumSigningKeys)
            .prefix(Self.maximumSigningKeys).compactMap { Base64URL.decode($0, count: SHA256.byteCount) }
        return keys.keys.prefix(Self.maximumSigningKeys).contains { key in
            // The comparison of `HashedAuthenticationCode` with bytes takes the same time whatever differs.
            let expected = Self.code(message, purpose, key)
            return codes.contains { code in code.withUnsafeBytes { expected == $0 } }
        }
    }

    private static func code(_ message: String, _ purpose: String, _ key: CredentialKey) -> HMAC<SHA256>.MAC {
        let derived = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key.key, info: Array("rejoin \(purpose)".utf8), outputByteCount: SHA256.byteCount)
        return HMAC<SHA256>.authenticationCode(for: Array(message.utf8), using: derived)
    }
}
