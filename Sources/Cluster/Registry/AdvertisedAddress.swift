/// `HOST:PORT` where the other nodes reach a node.
struct AdvertisedAddress: Equatable {
    let host: Substring

    init(_ text: String) {
        let host = text.lastIndex(of: ":").map { text[..<$0] } ?? text[...]
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host
    }

    /// Whether it means another machine on every machine: a loopback address or a wildcard.
    var isLocal: Bool {
        let host = host.lowercased()
        return host.isEmpty || host == "localhost" || host.hasSuffix(".localhost") || isIPv4(host, first: "127")
            || ["0.0.0.0", "*", "::", "::1", "::ffff:0.0.0.0"].contains(host)
            || host.hasPrefix("::ffff:") && isIPv4(String(host.dropFirst(7)), first: "127")
    }

    private func isIPv4(_ host: String, first: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == first && parts.allSatisfy { UInt8($0) != nil }
    }
}
