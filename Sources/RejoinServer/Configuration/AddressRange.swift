#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// An IP address, or a network in CIDR notation (RFC 4632, RFC 4291 2.3): `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    public let description: String
    /// 4 or 16 bytes in network order.
    private let network: [UInt8]
    private let prefixLength: Int

    /// - Parameter text: An address, or an address and the length of the prefix. `nil` when it is neither.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = AddressRange.bytes(of: String(first)) else { return nil }
        var length = bytes.count * 8
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...length).contains(given), !parts[1].hasPrefix("+") else { return nil }
            length = given
        }
        description = text
        network = bytes
        prefixLength = length
    }

    /// Whether the address is in the range. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4
    /// address. What is no address is in no range.
    public func contains(_ address: String) -> Bool {
        guard let bytes = AddressRange.bytes(of: address), bytes.count == network.count else { return false }
        let whole = prefixLength / 8
        guard bytes.prefix(whole) == network.prefix(whole) else { return false }
        let rest = prefixLength % 8
        return rest == 0 || (bytes[whole] ^ network[whole]) >> (8 - UInt8(rest)) == 0
    }

    private static func bytes(of text: String) -> [UInt8]? {
        var four = [UInt8](repeating: 0, count: 4)
        if inet_pton(AF_INET, text, &four) == 1 { return four }
        var sixteen = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
        let mapped = sixteen.prefix(10).allSatisfy { $0 == 0 } && sixteen[10] == 0xFF && sixteen[11] == 0xFF
        return mapped ? Array(sixteen[12...]) : sixteen
    }
}
