/// What a client carries to be known again: `HANDLE.SECRET.SIGNATURE`, each part base64url, 127 characters in all.
///
/// The signature part is one byte of kind, six of the time of issue, six of the key's id and an HMAC-SHA256 over
/// handle, secret and all of that, so that a node turns forgeries away without asking Redis. A value of this type is
/// well formed, nothing more: `KeyRing.verify(_:)` says whether it is genuine, and the record what it is worth.
public struct Credential: Sendable {
    /// Who the credential was made for.
    public enum Kind: UInt8, Sendable {
        /// Somebody who is not logged in. Its record may be missing, and is then made at CONNECT.
        case guest = 0x67
        /// Somebody who logged in. Without its record it is worth nothing.
        case player = 0x70
    }

    /// The name of the record.
    public let handle: SessionHandle
    /// What proves it.
    public let secret: Secret
    /// Guest or player, as signed.
    public let kind: Kind
    /// When it was issued, in seconds since 1970; below 2^48.
    public let issued: Int
    let keyID: CredentialKey.ID
    let code: Bits256

    /// How many bytes a credential's text has.
    public static let length = SessionHandle.length + 1 + Secret.length + 1 + Self.tailLength
    static let tailLength = 60
    static let tailByteCount = 45
    /// What the signature covers: handle, secret, kind, time and key id.
    static let signedByteCount = SessionHandle.byteCount + Secret.byteCount + 13
    static let issuedRange = 0..<(1 << 48)

    init(
        handle: SessionHandle, secret: Secret, kind: Kind, issued: Int, keyID: CredentialKey.ID, code: Bits256
    ) {
        self.handle = handle
        self.secret = secret
        self.kind = kind
        self.issued = issued
        self.keyID = keyID
        self.code = code
    }

    /// Reads a client's text; nil when it is not exactly a credential in canonical spelling. Costs the same few hundred
    /// steps whatever the text is.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.length else { return nil }
        let fast = text.utf8.withContiguousStorageIfAvailable { Credential(UnsafeRawBufferPointer($0)) }
        guard let credential = fast ?? Array(text.utf8).withUnsafeBytes({ Credential($0) }) else { return nil }
        self = credential
    }

    /// Reads the bytes of a client's text; nil when they are not exactly a credential in canonical spelling.
    public init?(_ text: UnsafeRawBufferPointer) {
        let dot = UInt8(ascii: ".")
        let secretStart = SessionHandle.length + 1
        let tailStart = secretStart + Secret.length + 1
        guard text.count == Self.length, text[secretStart - 1] == dot, text[tailStart - 1] == dot else { return nil }
        let credential = withUnsafeTemporaryAllocation(
            byteCount: SessionHandle.byteCount + Secret.byteCount + Self.tailByteCount, alignment: 8
        ) { bytes -> Credential? in
            let handle = UnsafeMutableRawBufferPointer(rebasing: bytes[..<16])
            let secret = UnsafeMutableRawBufferPointer(rebasing: bytes[16..<48])
            let tail = UnsafeMutableRawBufferPointer(rebasing: bytes[48...])
            guard Base64URL.decode(text[..<(secretStart - 1)], into: handle),
                Base64URL.decode(text[secretStart..<(tailStart - 1)], into: secret),
                Base64URL.decode(text[tailStart...], into: tail),
                let kind = Kind(rawValue: tail[0])
            else { return nil }
            return Credential(
                handle: SessionHandle(bytes: UnsafeRawBufferPointer(handle)),
                secret: Secret(Bits256(bytes: UnsafeRawBufferPointer(secret))),
                kind: kind,
                issued: Int(Self.readSix(tail, at: 1)),
                keyID: CredentialKey.ID(rawValue: Self.readSix(tail, at: 7)),
                code: Bits256(bytes: UnsafeRawBufferPointer(rebasing: tail[13...])))
        }
        guard let credential else { return nil }
        self = credential
    }

    /// The text for the client, and for nobody else: 127 characters, of which none needs quoting in a cookie.
    public var text: String {
        withUnsafeTemporaryAllocation(
            byteCount: SessionHandle.byteCount + Secret.byteCount + Self.tailByteCount, alignment: 8
        ) { bytes in
            self.writeSigned(into: bytes)
            self.code.withBytes { code in
                UnsafeMutableRawBufferPointer(rebasing: bytes[Self.signedByteCount...]).copyMemory(from: code)
            }
            return String(unsafeUninitializedCapacity: Self.length) { output in
                var written = 0
                for part in [0..<16, 16..<48, 48..<(48 + Self.tailByteCount)] {
                    if written > 0 {
                        output[written] = UInt8(ascii: ".")
                        written += 1
                    }
                    written += Base64URL.encode(
                        UnsafeRawBufferPointer(rebasing: bytes[part]),
                        into: UnsafeMutableBufferPointer(rebasing: output[written...]))
                }
                return written
            }
        }
    }

    /// Writes what the signature covers: the first `signedByteCount` bytes.
    func writeSigned(into bytes: UnsafeMutableRawBufferPointer) {
        self.handle.write(into: bytes)
        self.secret.write(into: UnsafeMutableRawBufferPointer(rebasing: bytes[16..<48]))
        bytes[48] = self.kind.rawValue
        Self.writeSix(UInt64(self.issued), to: bytes, at: 49)
        Self.writeSix(self.keyID.rawValue, to: bytes, at: 55)
    }

    private static func readSix(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) -> UInt64 {
        bytes[offset..<(offset + 6)].reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func writeSix(_ value: UInt64, to bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        for index in 0..<6 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * index))
        }
    }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Kind and handle only.
    public var description: String { "\(self.kind) \(self.handle)" }
    /// Kind and handle only.
    public var debugDescription: String { self.description }
    /// Kind and handle only, so that a dump does not show the signature either.
    public var customMirror: Mirror { Mirror(self, children: ["kind": self.kind, "handle": self.handle]) }
}
