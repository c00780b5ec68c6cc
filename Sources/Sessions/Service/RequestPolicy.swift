package import NIOCore

/// Who asks: what a request or a handshake tells of its sender, once proxies and cookies have been judged.
package struct Visitor: Sendable {
    /// How the request came, seen from the client.
    package let source: RequestSource
    /// Which cookie carries the credential here, if any may.
    package let cookie: CookiePolicy
    /// What the client calls itself (`User-Agent`), for lists.
    package let client: String

    /// The client's address, for limits and lists.
    package var address: IPAddress { source.address ?? .unknown }
}

/// The rules by which requests are judged: proxies, origins, cookies.
package struct RequestPolicy: Sendable {
    private let proxies: TrustedProxies
    private let origins: OriginPolicy
    private let allowsInsecureLogin: Bool
    private let isTLS: Bool

    package init(proxies: TrustedProxies, origins: OriginPolicy, allowsInsecureLogin: Bool, isTLS: Bool) {
        self.proxies = proxies
        self.origins = origins
        self.allowsInsecureLogin = allowsInsecureLogin
        self.isTLS = isTLS
    }

    /// - Parameters:
    ///   - peer: the address at the other end of the connection.
    ///   - isTLS: whether it came by TLS, if that is known of it; else, by default, what holds for the listener.
    ///   - headers: the values of a header field by its name, in order.
    package func visitor(peer: SocketAddress?, isTLS: Bool? = nil, headers: (String) -> [String]) -> Visitor {
        let source = proxies.source(
            peer: peer?.ipAddress.flatMap { IPAddress($0) }, isTLS: isTLS ?? self.isTLS, host: headers("host").first,
            forwardedFor: headers("x-forwarded-for"), forwardedProto: headers("x-forwarded-proto"))
        return Visitor(
            source: source, cookie: CookiePolicy(source, allowsInsecureLogin: allowsInsecureLogin),
            client: headers("user-agent").first ?? "")
    }

    /// What the `Origin` of a handshake is worth.
    package func verdict(_ visitor: Visitor, headers: (String) -> [String]) -> OriginPolicy.Verdict {
        origins.verdict(origins: headers("origin"), source: visitor.source)
    }

    /// Whether a request may change something.
    package func allowsChange(_ visitor: Visitor, headers: (String) -> [String]) -> Bool {
        origins.allowsChange(
            origins: headers("origin"), fetchSites: headers("sec-fetch-site"), source: visitor.source)
    }
}
