import EngineIO

/// 32 bytes by value, without an allocation: a secret, a signature.
///
/// Plain words rather than a SIMD vector: its alignment of 32 bytes is more than an asynchronous frame keeps.
struct Bits256: Sendable, Hashable {
    static let byteCount = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    static let zero = Bits256(words: (0, 0, 0, 0))

    /// From the system's random generator.
    static func random() -> Bits256 {
        var bits = Bits256.zero
        RandomBits.fill(&bits.words)
        return bits
    }

    private init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// The first 32 bytes.
    init(bytes: UnsafeRawBufferPointer) {
        self.words = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &self.words) {
            $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }

    static func == (left: Bits256, right: Bits256) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        self.withBytes { hasher.combine(bytes: $0) }
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes(of: self.words, body)
    }
}
