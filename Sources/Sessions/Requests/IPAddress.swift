import Glibc

/// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`) is the IPv4 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes in network order.
    let bytes: [UInt8]

    /// Reads the usual text forms: `192.0.2.1`, `2001:db8::1`, `[2001:db8::1]`, with or without a zone (`%eth0`),
    /// which is dropped; nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 64 else { return nil }
        var text = Substring(text)
        if text.first == "[" {
            guard text.last == "]" else { return nil }
            text = text.dropFirst().dropLast()
        }
        guard !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        if inet_pton(AF_INET, String(text), &four) == 1 {
            self.init(Swift.withUnsafeBytes(of: four) { Array($0) })
            return
        }
        if let zone = text.firstIndex(of: "%") { text = text[..<zone] }
        var six = in6_addr()
        guard inet_pton(AF_INET6, String(text), &six) == 1 else { return nil }
        self.init(Swift.withUnsafeBytes(of: six) { Array($0) })
    }

    /// Stands for a peer that has no address, so that all of these count as one: `0.0.0.0`.
    static let unknown = IPAddress([0, 0, 0, 0])

    private init(_ bytes: [UInt8]) {
        let isMapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        self.bytes = isMapped ? Array(bytes[12...]) : bytes
    }

    /// Whether it is of this machine: `127.0.0.0/8` or `::1`.
    public var isLoopback: Bool {
        self.bytes.count == 4 ? self.bytes[0] == 127 : self.bytes[..<15].allSatisfy { $0 == 0 } && self.bytes[15] == 1
    }

    /// The canonical text (RFC 5952).
    public var description: String {
        let family = self.bytes.count == 4 ? AF_INET : AF_INET6
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            self.bytes.withUnsafeBytes { bytes in
                guard let start = text.baseAddress,
                    inet_ntop(family, bytes.baseAddress, start, socklen_t(text.count)) != nil
                else { return "" }
                return String(cString: start)
            }
        }
    }

    /// What one customer of a provider has: the address, or the network of 64 bits for IPv6.
    var limitedNetwork: String {
        self.bytes.count == 4 ? self.description : "\(IPNetwork(self, prefixLength: 64))"
    }
}

/// A network of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    private let base: [UInt8]
    private let prefixLength: Int

    /// Reads `ADDRESS` or `ADDRESS/BITS`; nil for any other text. Bits beyond the prefix do not matter.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        var length = address.bytes.count * 8
        if parts.count == 2 {
            guard let bits = Int(parts[1]), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), bits >= 0,
                bits <= length
            else { return nil }
            length = bits
        }
        self.init(address, prefixLength: length)
    }

    init(_ address: IPAddress, prefixLength: Int) {
        self.prefixLength = prefixLength
        self.base = address.bytes.enumerated().map { $1 & Self.mask(prefixLength, byte: $0) }
    }

    /// Whether the address is in it.
    public func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == self.base.count else { return false }
        for (index, byte) in address.bytes.enumerated()
        where byte & Self.mask(self.prefixLength, byte: index) != self.base[index] {
            return false
        }
        return true
    }

    /// `ADDRESS/BITS`, the bytes of the address in hexadecimal for IPv6.
    public var description: String {
        let digits =
            self.base.count == 4
            ? self.base.map { "\($0)" }.joined(separator: ".")
            : stride(from: 0, to: 16, by: 2)
                .map { String(Int(self.base[$0]) << 8 | Int(self.base[$0 + 1]), radix: 16) }.joined(separator: ":")
        return "\(digits)/\(self.prefixLength)"
    }

    private static func mask(_ prefixLength: Int, byte index: Int) -> UInt8 {
        let bits = min(8, max(0, prefixLength - 8 * index))
        return bits == 0 ? 0 : UInt8(truncatingIfNeeded: 0xff << (8 - bits))
    }
}
