import EngineIO

/// The name of a session: 128 random bits, written as 22 characters of base64url.
///
/// It names the record in Redis and is not secret: lists, logs and clients show it. What proves a session is its
/// `Secret`.
public struct SessionHandle: Sendable, Hashable, CustomStringConvertible {
    /// How many characters a handle has.
    public static let length = 22
    static let byteCount = 16

    private let high: UInt64
    private let low: UInt64

    /// A new one from the system's random generator.
    public static func random() -> SessionHandle {
        var bits: (high: UInt64, low: UInt64) = (0, 0)
        RandomBits.fill(&bits)
        return SessionHandle(high: bits.high, low: bits.low)
    }

    /// Reads the canonical spelling; nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Base64URL.decode(text, count: Self.byteCount) else { return nil }
        self = bytes.withUnsafeBytes { SessionHandle(bytes: $0) }
    }

    /// The first 16 bytes.
    init(bytes: UnsafeRawBufferPointer) {
        self.init(
            high: bytes.loadUnaligned(as: UInt64.self).bigEndian,
            low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian)
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The 22 characters.
    public var description: String {
        withUnsafeBytes(of: (self.high.bigEndian, self.low.bigEndian)) { Base64URL.encode($0) }
    }

    func write(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: self.high.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: self.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
}
