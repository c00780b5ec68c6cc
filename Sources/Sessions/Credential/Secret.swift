import Crypto

/// What proves a session or a ticket: 256 random bits.
///
/// It is never printed: every description of it, and a dump, says `<secret>`. Redis gets its `digest` alone.
public struct Secret: Sendable {
    /// How many characters a secret has, in base64url.
    static let length = 43
    static let byteCount = Bits256.byteCount

    private let bits: Bits256

    /// A new one from the system's random generator.
    public static func random() -> Secret {
        Secret(.random())
    }

    init(_ bits: Bits256) {
        self.bits = bits
    }

    /// The SHA-256 of the bits: what Redis holds, and what a node remembers of a socket's credential.
    public var digest: SecretDigest {
        var hash = SHA256()
        self.bits.withBytes { hash.update(bufferPointer: $0) }
        return SecretDigest(hash.finalize())
    }

    func write(into bytes: UnsafeMutableRawBufferPointer) {
        self.bits.withBytes { bytes.copyMemory(from: $0) }
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<secret>`.
    public var description: String { "<secret>" }
    /// Always `<secret>`.
    public var debugDescription: String { "<secret>" }
    /// Without children, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The SHA-256 of a `Secret`, as Redis holds it: 43 characters of base64url.
///
/// Who reads it cannot make the secret from it; it is still kept out of logs.
public struct SecretDigest: Sendable, Hashable {
    private let bits: Bits256

    fileprivate init(_ digest: SHA256Digest) {
        self.bits = digest.withUnsafeBytes { Bits256(bytes: $0) }
    }

    var text: String { self.bits.withBytes { Base64URL.encode($0) } }
}
