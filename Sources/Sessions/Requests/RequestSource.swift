/// How a request reached the cluster, seen from the client: what cookies, logins and limits go by.
public struct RequestSource: Sendable, Equatable {
    /// The scheme a request came by.
    public enum Scheme: String, Sendable {
        case http
        case https

        /// 80 or 443.
        var defaultPort: Int { self == .https ? 443 : 80 }
    }

    /// The scheme the client speaks.
    public let scheme: Scheme
    /// The effective host as the client named it, with its port if it gave one; "" when it gave none.
    public let host: String
    /// The client's address; nil when the peer has none that can be read.
    public let address: IPAddress?

    /// - Parameters:
    ///   - scheme: the scheme the client speaks.
    ///   - host: the `Host` header; "" when there is none.
    ///   - address: the client's address.
    public init(scheme: Scheme, host: String, address: IPAddress?) {
        self.scheme = scheme
        self.host = host
        self.address = address
    }

    /// Whether the effective host is this machine: `localhost`, `*.localhost`, `127.0.0.0/8` or `[::1]`.
    public var isLoopback: Bool {
        guard let authority = Authority(self.host, scheme: self.scheme) else { return false }
        let host = authority.host
        if host == "localhost" || host.hasSuffix(".localhost") { return true }
        return IPAddress(host)?.isLoopback ?? false
    }
}

/// Host and port of a `Host` header or an origin, in lower case, the scheme's own port filled in.
struct Authority: Equatable {
    /// IPv6 in brackets.
    let host: String
    let port: Int

    /// nil for what is no host with an optional port.
    init?(_ text: some StringProtocol, scheme: RequestSource.Scheme) {
        guard !text.isEmpty, text.utf8.count <= 300 else { return nil }
        let bytes = Array(text.utf8)
        let isBracketed = bytes[0] == UInt8(ascii: "[")
        var end = bytes.count
        if isBracketed {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            end = close + 1
        } else if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            end = colon
        }
        guard end > 0, bytes[..<end].allSatisfy({ Self.isAllowed($0, inBrackets: isBracketed) }) else { return nil }
        self.host = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        if end == bytes.count {
            self.port = scheme.defaultPort
            return
        }
        let digits = bytes[(end + 1)...]
        guard bytes[end] == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        if digits.isEmpty {
            self.port = scheme.defaultPort
            return
        }
        guard let port = Int(String(decoding: digits, as: UTF8.self)), port <= 65535 else { return nil }
        self.port = port
    }

    private static func isAllowed(_ byte: UInt8, inBrackets: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): inBrackets
        default: false
        }
    }
}
