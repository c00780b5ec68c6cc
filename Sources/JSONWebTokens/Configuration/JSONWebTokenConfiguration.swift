/// Whose tokens are taken, and whom they name.
public struct JSONWebTokenConfiguration: Sendable {
    /// What they are verified by. Secrets are never shown.
    public var keys: KeyLocation
    /// Who must have made a token: its `iss`, byte by byte.
    public var issuer: String
    /// Whom a token must be for: its `aud`, or one of them.
    public var audience: String
    /// The claim that names the user, a string. Default: `sub`.
    public var userClaim = "sub"
    /// The claim with the name that is shown. Default: `name`.
    public var nameClaim = "name"
    /// What user ids begin with, so that none is an account's. Default: `jwt:`.
    public var idPrefix = "jwt:"
    /// How far the clocks of provider and node may differ, 0 to 300 s. Default: 60 s.
    public var leeway = Duration.seconds(60)

    /// The defaults beside what has none.
    public init(keys: KeyLocation, issuer: String, audience: String) {
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
    }
}
