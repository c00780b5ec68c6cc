import Sessions

/// Who may use the admin API: whoever has the token; where there is none, this machine alone; a browser never.
struct AdminAccess: Sendable {
    /// What of a request is judged.
    struct Question {
        /// The address at the other end of the connection.
        var peer: IPAddress?
        /// The values of a header field by its name in lower case, in order.
        var headers: (String) -> [String]
        /// The names of the query's parameters.
        var parameters: [String]
    }

    /// Who asks, for the audit log.
    struct Caller: Sendable, Equatable {
        /// The token's fingerprint, or `loopback`.
        let name: String
        /// The peer's address.
        let peer: String
    }

    enum Verdict: Equatable {
        case allowed(Caller)
        case refused(Reason)
    }

    /// Why a request is refused.
    enum Reason: String, CaseIterable {
        /// A token in the query: it would be in logs and histories from then on.
        case tokenInQuery = "token_in_query"
        /// A page in a browser asks.
        case browser
        /// No token, or a wrong one.
        case token
        /// There is no token to have, and the request does not come from this machine by a name of this machine.
        case notLocal = "not_local"
    }

    let token: AdminToken?

    func verdict(_ question: Question) -> Verdict {
        if question.parameters.contains(where: { ["token", "access_token"].contains($0.lowercased()) }) {
            return .refused(.tokenInQuery)
        }
        guard question.headers("origin").isEmpty, Self.isNoPage(question.headers("sec-fetch-site")) else {
            return .refused(.browser)
        }
        let peer = question.peer?.description ?? "unknown"
        guard let token else {
            return Self.isLocal(question) ? .allowed(Caller(name: "loopback", peer: peer)) : .refused(.notLocal)
        }
        let presented = question.headers("authorization")
        guard presented.count == 1, let bearer = Self.bearer(presented[0]), token.matches(bearer) else {
            return .refused(.token)
        }
        return .allowed(Caller(name: token.fingerprint, peer: peer))
    }

    /// Fetch metadata of a page's request is `cross-site`, `same-site`, or something that browsers will invent; a person
    /// who types the address has `none`.
    private static func isNoPage(_ sites: [String]) -> Bool {
        sites.allSatisfy { ["none", "same-origin"].contains($0) }
    }

    /// What proxies add by themselves, or are told to add most often.
    private static let proxyHeaders = [
        "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
        "x-forwarded-server", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip",
    ]

    /// The host's name counts too: a page of a name that was made to mean 127.0.0.1 comes from this machine, but by that
    /// name. What a proxy passes on comes from elsewhere.
    private static func isLocal(_ question: Question) -> Bool {
        let hosts = question.headers("host")
        guard question.peer?.isLoopback == true, hosts.count == 1,
            proxyHeaders.allSatisfy({ question.headers($0).isEmpty })
        else { return false }
        return RequestSource(scheme: .http, host: hosts[0], address: question.peer).isLoopback
    }

    /// RFC 6750 2.1: `Bearer TOKEN`, the scheme in any case.
    private static func bearer(_ text: String) -> Substring? {
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return parts[1].drop { $0 == " " }
    }
}
