/// The one-use ticket of a login: `HANDLE.RANDOM`, exchanged for the session's new secret within 60 s.
///
/// The handle in it lets the claim find the record; the 256 random bits prove it.
public struct Ticket: Sendable {
    /// The session that was logged in.
    public let handle: SessionHandle
    let secret: Secret

    static let length = SessionHandle.length + 1 + Secret.length

    init(handle: SessionHandle, secret: Secret) {
        self.handle = handle
        self.secret = secret
    }

    /// Reads a client's text; nil when it is not exactly a ticket in canonical spelling.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.length else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let handle = SessionHandle(parts[0]),
            let secret = Base64URL.decode(parts[1], count: Secret.byteCount)
        else { return nil }
        self.handle = handle
        self.secret = secret.withUnsafeBytes { Secret(Bits256(bytes: $0)) }
    }

    /// The text for the client, and for nobody else: 66 characters.
    public var text: String {
        let secret = withUnsafeTemporaryAllocation(byteCount: Secret.byteCount, alignment: 8) { bytes in
            self.secret.write(into: bytes)
            return Base64URL.encode(UnsafeRawBufferPointer(bytes))
        }
        return "\(self.handle).\(secret)"
    }
}

extension Ticket: CustomStringConvertible, CustomDebugStringConvertible {
    /// The handle only.
    public var description: String { "\(self.handle).<secret>" }
    /// The handle only.
    public var debugDescription: String { self.description }
}
