/// The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count: `REJOIN_TRUSTED_PROXIES`.
public struct TrustedProxies: Sendable {
    /// Nobody's headers count.
    public static let none = TrustedProxies([])

    private let networks: [IPNetwork]

    /// - Parameter networks: addresses and networks of proxies.
    public init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// Reads a comma-separated list of addresses and networks (`10.0.0.0/8`); an empty text trusts nobody.
    ///
    /// - Throws: `SessionError` with `.invalidConfiguration` that names the entry.
    public init(configuration text: String) throws(SessionError) {
        var networks: [IPNetwork] = []
        for part in text.split(separator: ",") {
            let entry = part.trimmingSpaces()
            guard !entry.isEmpty else { continue }
            guard let network = IPNetwork(entry) else {
                throw SessionError(
                    .invalidConfiguration,
                    "REJOIN_TRUSTED_PROXIES: \"\(entry)\" is no address; expected are addresses or networks such as "
                        + "10.0.0.0/8, separated by commas")
            }
            networks.append(network)
        }
        self.init(networks)
    }

    /// Works out where a request comes from. The headers count only when the peer is trusted, and only as far as
    /// trusted proxies wrote them: reading from the right, the first address that is not trusted is the client's.
    ///
    /// - Parameters:
    ///   - peer: the address at the other end of the connection; nil when it has none.
    ///   - isTLS: whether this node's own listener speaks TLS on that connection.
    ///   - host: the `Host` header; nil when absent.
    ///   - forwardedFor: the values of `X-Forwarded-For`, one a field, in order.
    ///   - forwardedProto: the values of `X-Forwarded-Proto`, one a field, in order.
    public func source(
        peer: IPAddress?, isTLS: Bool, host: String?, forwardedFor: [String], forwardedProto: [String]
    ) -> RequestSource {
        let own: RequestSource.Scheme = isTLS ? .https : .http
        guard let peer, self.trusts(peer) else {
            return RequestSource(scheme: own, host: host ?? "", address: peer)
        }
        var client = peer
        var hops = 1
        for entry in Self.entries(forwardedFor).reversed() {
            // What no proxy would have written ends the part that can be believed.
            guard let address = Self.address(entry) else { break }
            client = address
            guard self.trusts(address) else { break }
            hops += 1
        }
        // Each proxy appends the scheme it was reached by, or passes on a single value: the one of the outermost proxy
        // that is trusted counts.
        let schemes = Self.entries(forwardedProto)
        var scheme = own
        if !schemes.isEmpty {
            switch schemes[max(0, schemes.count - hops)].lowercased() {
            case "https", "wss": scheme = .https
            case "http", "ws": scheme = .http
            default: break
            }
        }
        return RequestSource(scheme: scheme, host: host ?? "", address: client)
    }

    private func trusts(_ address: IPAddress) -> Bool {
        self.networks.contains { $0.contains(address) }
    }

    /// The last 32 entries of a list header.
    private static func entries(_ values: [String]) -> [Substring] {
        values.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map { $0.trimmingSpaces() }
            .suffix(32)
    }

    /// An address, also with a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
    private static func address(_ entry: Substring) -> IPAddress? {
        if let address = IPAddress(entry) { return address }
        guard let colon = entry.lastIndex(of: ":"),
            entry[..<colon].utf8.last == UInt8(ascii: "]")
                || !entry[..<colon].utf8.contains(UInt8(ascii: ":"))
        else { return nil }
        return IPAddress(entry[..<colon])
    }
}

extension Substring {
    /// Without spaces and tabs at both ends.
    func trimmingSpaces() -> Substring {
        var text = self
        while let byte = text.utf8.first, byte == 0x20 || byte == 0x09 { text = text.dropFirst() }
        while let byte = text.utf8.last, byte == 0x20 || byte == 0x09 { text = text.dropLast() }
        return text
    }
}
