public import Logging
public import NIOCore

/// Says whom a token names, when it is signed by the identity provider, for us, and valid now. Any thread may call.
public struct JSONWebTokenVerifier: Sendable {
    /// A token whose claims are fit for a login, and whose signature nobody has looked at.
    public struct Candidate: Sendable {
        /// Whom it would name.
        public let user: TokenUser
        let token: JSONWebToken
    }

    private let configuration: JSONWebTokenConfiguration
    private let keys: any VerificationKeys
    /// Keeps the provider's keys up to date: to be run while tokens come. `nil` with a secret, which never changes.
    public let providerKeys: ProviderKeys?

    /// - Parameter eventLoopGroup: where requests for keys are made.
    /// - Throws: `invalidConfiguration` for a secret that is too short.
    public init(
        _ configuration: JSONWebTokenConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger
    ) async throws(JSONWebTokenError) {
        let keys: any VerificationKeys
        switch configuration.keys {
        case .secret(let secret): keys = try await SharedSecret(secret)
        case .file(let path): keys = ProviderKeys(source: KeyFile(path: path), logger: logger)
        case .url(let url):
            keys = ProviderKeys(source: KeyEndpoint(url: url, eventLoopGroup: eventLoopGroup), logger: logger)
        }
        self.init(configuration, keys: keys)
    }

    init(_ configuration: JSONWebTokenConfiguration, keys: any VerificationKeys) {
        self.configuration = configuration
        self.keys = keys
        providerKeys = keys as? ProviderKeys
    }

    /// What a token claims. Nothing of it is true before ``verify(_:)`` says so.
    ///
    /// - Parameter now: milliseconds since 1970.
    /// - Throws: `invalidToken` for one that would not be taken whoever signed it.
    public func read(_ text: String, now: Int) throws(JSONWebTokenError) -> Candidate {
        let token = try JSONWebToken(text)
        guard token.claims["iss"] == .string(configuration.issuer) else {
            throw Self.invalid("its issuer (iss) is not the one expected here")
        }
        guard isAudience(token.claims["aud"]) else {
            throw Self.invalid("it is not for this service: its audience (aud) is another")
        }
        try checkTimes(token.claims, now: Double(now) / 1_000)
        guard case .string(let subject)? = token.claims[configuration.userClaim],
            let user = TokenUser(subject: subject, name: name(token.claims), prefix: configuration.idPrefix)
        else {
            throw Self.invalid(
                "its claim \(configuration.userClaim) names no user: a string of 1 to "
                    + "\(TokenUser.maximumSubjectBytes) bytes without control characters is expected")
        }
        return Candidate(user: user, token: token)
    }

    /// Looks at the signature, for which it may wait a few seconds for a provider's new key.
    ///
    /// - Returns: The user, who is whom the token says.
    /// - Throws: `invalidToken` when the key is not known or the signature is not its, `unavailable` when the keys cannot
    ///   be had.
    public func verify(_ candidate: Candidate) async throws(JSONWebTokenError) -> TokenUser {
        let key = try await keys.key(for: candidate.token.header)
        // By whatever way the key was found: a public key must never be taken for a secret.
        guard key.algorithm == candidate.token.header.algorithm,
            key.verifies(candidate.token.signature, of: candidate.token.signed)
        else {
            throw Self.invalid("its signature is wrong")
        }
        return candidate.user
    }

    private func isAudience(_ claim: ClaimValue?) -> Bool {
        switch claim {
        case .string(let audience): audience == configuration.audience
        case .strings(let audiences): audiences.contains(configuration.audience)
        case .number, .other, nil: false
        }
    }

    private func checkTimes(_ claims: [String: ClaimValue], now: Double) throws(JSONWebTokenError) {
        let leeway = configuration.leeway / .seconds(1)
        guard let expiry = try Self.time("exp", claims) else {
            throw Self.invalid("it has no expiry (exp)")
        }
        guard now < expiry + leeway else { throw Self.invalid("it has expired (exp)") }
        for claim in ["nbf", "iat"] {
            guard let begin = try Self.time(claim, claims) else { continue }
            guard begin <= now + leeway else { throw Self.invalid("it is not valid yet (\(claim))") }
        }
    }

    /// A NumericDate (RFC 7519 2): seconds since 1970, perhaps with a fraction.
    private static func time(
        _ name: String, _ claims: [String: ClaimValue]
    ) throws(JSONWebTokenError) -> Double? {
        switch claims[name] {
        case nil: return nil
        case .number(let seconds): return seconds
        case .string, .strings, .other: throw invalid("its \(name) is no number of seconds since 1970")
        }
    }

    private func name(_ claims: [String: ClaimValue]) -> String? {
        if case .string(let name)? = claims[configuration.nameClaim] { name } else { nil }
    }

    private static func invalid(_ why: String) -> JSONWebTokenError {
        JSONWebTokenError(.invalidToken, why)
    }
}
