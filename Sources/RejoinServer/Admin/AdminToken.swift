import Crypto

/// The bearer token of the admin API, kept as its SHA-256.
struct AdminToken: Sendable {
    private let digest: [UInt8]

    init(_ text: String) {
        digest = Self.digest(text)
    }

    /// Whether it is the token that was presented. How long that takes says nothing of where, or whether at all, the two
    /// differ: digests of one length are compared, every byte of them.
    func matches(_ presented: some StringProtocol) -> Bool {
        Self.areEqual(digest, Self.digest(presented))
    }

    /// Names the token in logs: the first 8 hexadecimal digits of its SHA-256.
    var fingerprint: String {
        digest.prefix(4).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// Whether two arrays have the same bytes, in a time that depends on their lengths alone.
    static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices {
            difference |= left[index] ^ right[index]
        }
        return difference == 0
    }

    private static func digest(_ text: some StringProtocol) -> [UInt8] {
        Array(SHA256.hash(data: Array(text.utf8)))
    }
}
