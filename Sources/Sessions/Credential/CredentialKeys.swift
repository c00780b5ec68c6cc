public import Crypto

/// One key that signs credentials.
public struct CredentialKey: Sendable {
    /// 48 bits that name a key inside a credential, derived from the key itself.
    struct ID: Sendable, Hashable, CustomStringConvertible {
        /// Below 2^48.
        let rawValue: UInt64

        /// Eight characters of base64url.
        var description: String {
            withUnsafeBytes(of: self.rawValue.bigEndian) {
                Base64URL.encode(UnsafeRawBufferPointer(rebasing: $0[2...]))
            }
        }
    }

    /// The fewest bytes a key may have.
    public static let minimumBytes = 32
    static let maximumBytes = 1024

    let id: ID
    let key: SymmetricKey
    /// An HMAC that has read nothing but the key, which is half of the work for something as short as a credential:
    /// each begins with a copy.
    let authenticator: HMAC<SHA256>

    /// - Throws: `SessionError` with `.invalidConfiguration` when the key has fewer than 32 or more than 1,024 bytes.
    public init(_ key: SymmetricKey) throws(SessionError) {
        let count = key.bitCount / 8
        guard count >= Self.minimumBytes, count <= Self.maximumBytes else {
            throw SessionError(
                .invalidConfiguration,
                "a signing key has \(count) bytes; expected are \(Self.minimumBytes) to \(Self.maximumBytes)")
        }
        self.init(unchecked: key)
    }

    /// A new key of 32 bytes from the system's random generator.
    static func random() -> CredentialKey {
        CredentialKey(unchecked: SymmetricKey(size: .bits256))
    }

    private init(unchecked key: SymmetricKey) {
        self.authenticator = HMAC(key: key)
        var hash = self.authenticator
        hash.update(data: Array("rejoin credential key id".utf8))
        let value = hash.finalize().withUnsafeBytes { $0.loadUnaligned(as: UInt64.self).bigEndian >> 16 }
        self.id = ID(rawValue: value)
        self.key = key
    }
}

/// The keys a node signs and verifies credentials with: the first signs, all verify.
public struct CredentialKeys: Sendable {
    /// Never empty.
    let keys: [CredentialKey]

    /// - Parameter keys: the signing key first; the same key twice counts once.
    /// - Throws: `SessionError` with `.invalidConfiguration` when there is none.
    public init(_ keys: [CredentialKey]) throws(SessionError) {
        guard !keys.isEmpty else {
            throw SessionError(.invalidConfiguration, "no signing key is given; expected is at least one")
        }
        var known: Set<CredentialKey.ID> = []
        self.keys = keys.filter { known.insert($0.id).inserted }
    }

    /// Reads `REJOIN_COOKIE_KEYS`: keys of at least 32 bytes in base64 (also base64url, padded or not), separated by
    /// commas; the first signs, all verify.
    ///
    /// - Throws: `SessionError` with `.invalidConfiguration`, whose message says which key is wrong and what is
    ///   expected, and never shows a key.
    public init(configuration text: String) throws(SessionError) {
        var keys: [CredentialKey] = []
        for (index, part) in text.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            guard let bytes = Self.decode(part) else {
                throw SessionError(
                    .invalidConfiguration,
                    "REJOIN_COOKIE_KEYS: key \(index + 1) is not base64; expected are keys of at least "
                        + "\(CredentialKey.minimumBytes) random bytes in base64, separated by commas")
            }
            guard bytes.count >= CredentialKey.minimumBytes, bytes.count <= CredentialKey.maximumBytes else {
                throw SessionError(
                    .invalidConfiguration,
                    "REJOIN_COOKIE_KEYS: key \(index + 1) has \(bytes.count) bytes; expected are "
                        + "\(CredentialKey.minimumBytes) to \(CredentialKey.maximumBytes), "
                        + "for instance from `openssl rand -base64 32`")
            }
            keys.append(try CredentialKey(SymmetricKey(data: bytes)))
        }
        try self.init(keys)
    }

    /// The one that signs.
    var current: CredentialKey { self.keys[0] }

    /// Makes the credential of a session, signed by the first key.
    ///
    /// - Parameter issued: seconds since 1970, by Redis's clock.
    func issue(_ kind: Credential.Kind, handle: SessionHandle, secret: Secret, issued: Int) -> Credential {
        let range = Credential.issuedRange
        let unsigned = Credential(
            handle: handle, secret: secret, kind: kind,
            issued: min(max(issued, range.lowerBound), range.upperBound - 1), keyID: self.current.id, code: .zero)
        let code = Self.code(of: unsigned, by: self.current).withUnsafeBytes { Bits256(bytes: $0) }
        return Credential(
            handle: handle, secret: secret, kind: kind, issued: unsigned.issued, keyID: self.current.id, code: code)
    }

    /// Whether the credential was signed by one of the keys; nothing else is asked.
    func verify(_ credential: Credential) -> CredentialVerification {
        guard let index = self.keys.firstIndex(where: { $0.id == credential.keyID }) else { return .unknownKey }
        let code = Self.code(of: credential, by: self.keys[index])
        // The comparison of `HashedAuthenticationCode` with bytes takes the same time whatever differs.
        let isGenuine = credential.code.withBytes { code == $0 }
        guard isGenuine else { return .forged }
        return .valid(kind: credential.kind, issued: credential.issued, signedByCurrentKey: index == 0)
    }

    private static func code(of credential: Credential, by key: CredentialKey) -> HMAC<SHA256>.MAC {
        withUnsafeTemporaryAllocation(byteCount: Credential.signedByteCount, alignment: 8) { bytes in
            credential.writeSigned(into: bytes)
            var hash = key.authenticator
            hash.update(data: UnsafeRawBufferPointer(bytes))
            return hash.finalize()
        }
    }

    private static func decode(_ text: Substring) -> [UInt8]? {
        var characters = text.utf8.drop { $0 == UInt8(ascii: " ") }
        while characters.last == UInt8(ascii: " ") || characters.last == UInt8(ascii: "=") { characters.removeLast() }
        let plain = characters.map { character -> UInt8 in
            switch character {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: character
            }
        }
        guard !plain.isEmpty, plain.count % 4 != 1 else { return nil }
        return Base64URL.decode(String(decoding: plain, as: UTF8.self), count: plain.count * 3 / 4)
    }
}

/// What the signature of a credential says.
public enum CredentialVerification: Sendable, Equatable {
    /// Genuine: signed by a key of this cluster. The record decides what it is worth.
    ///
    /// - Parameters:
    ///   - kind: guest or player.
    ///   - issued: when, in seconds since 1970.
    ///   - signedByCurrentKey: false when its key has been replaced: it is sent again, signed anew.
    case valid(kind: Credential.Kind, issued: Int, signedByCurrentKey: Bool)
    /// The signature does not fit: worth nothing.
    case forged
    /// Signed by a key that this node does not know, at least not yet.
    case unknownKey
}
