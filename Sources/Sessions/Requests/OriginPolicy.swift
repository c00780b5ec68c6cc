/// From which web pages a browser may open sockets and change a session.
public struct OriginPolicy: Sendable {
    /// An origin: scheme, host and port (RFC 6454).
    private struct Origin: Equatable {
        let scheme: RequestSource.Scheme
        let authority: Authority

        /// Reads `https://host[:port]`; nil for `null` and whatever else is none.
        init?(_ text: some StringProtocol) {
            if text.hasPrefix("https://") {
                self.scheme = .https
            } else if text.hasPrefix("http://") {
                self.scheme = .http
            } else {
                return nil
            }
            guard let authority = Authority(text.dropFirst(self.scheme.rawValue.count + 3), scheme: self.scheme)
            else { return nil }
            self.authority = authority
        }
    }

    /// What a request's `Origin` is worth.
    public enum Verdict: Sendable, Equatable {
        /// No `Origin`: not a browser's cross-origin request. Allowed.
        case absent
        /// A page of this very host. Allowed.
        case sameOrigin
        /// A page of a listed origin: allowed, and the answer carries `Access-Control-Allow-Origin` with exactly the
        /// request's `Origin`, and `Vary: Origin`.
        case listed
        /// Any other, and `null`: 403.
        case foreign

        /// Whether a handshake may go on.
        public var isAllowed: Bool { self != .foreign }
    }

    private let listed: [Origin]

    /// Only pages of the same origin.
    public static let sameOrigin = OriginPolicy(listed: [])

    private init(listed: [Origin]) {
        self.listed = listed
    }

    /// Reads `REJOIN_ORIGINS`: origins that are allowed besides the same one, comma-separated, such as
    /// `https://game.example`. No patterns.
    ///
    /// - Throws: `SessionError` with `.invalidConfiguration` that names the entry.
    public init(configuration text: String) throws(SessionError) {
        var listed: [Origin] = []
        for part in text.split(separator: ",") {
            let entry = part.trimmingSpaces()
            guard !entry.isEmpty else { continue }
            guard let origin = Origin(entry.lowercased()) else {
                throw SessionError(
                    .invalidConfiguration,
                    "REJOIN_ORIGINS: \"\(entry)\" is no origin; expected are origins such as https://game.example or "
                        + "http://localhost:3000, separated by commas, without a path")
            }
            listed.append(origin)
        }
        self.init(listed: listed)
    }

    /// Judges a handshake.
    ///
    /// - Parameters:
    ///   - origins: the values of the `Origin` fields; more than one is foreign.
    ///   - source: how the request came, with its effective host.
    public func verdict(origins: [String], source: RequestSource) -> Verdict {
        guard let text = origins.first else { return .absent }
        guard origins.count == 1, let origin = Origin(text) else { return .foreign }
        if origin.scheme == source.scheme, origin.authority == Authority(source.host, scheme: source.scheme) {
            return .sameOrigin
        }
        return self.listed.contains(origin) ? .listed : .foreign
    }

    /// Judges a request that changes something: its `Origin` as for a handshake, and a browser that says the request is
    /// cross-site (Fetch Metadata, `Sec-Fetch-Site`) is refused unless its origin is listed.
    ///
    /// - Parameter fetchSites: the values of the `Sec-Fetch-Site` fields.
    public func allowsChange(origins: [String], fetchSites: [String], source: RequestSource) -> Bool {
        switch self.verdict(origins: origins, source: source) {
        case .foreign: false
        case .listed: true
        case .absent, .sameOrigin: !fetchSites.contains { $0.lowercased() == "cross-site" }
        }
    }
}
