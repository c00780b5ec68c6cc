/// The algorithms by which a token may be signed (RFC 7518 3.1, RFC 8037). Anything else is refused, `none` above all.
///
/// A key is for one of them: what a token says of its algorithm is compared with its key's, and never chooses it.
public enum SignatureAlgorithm: String, Sendable, CaseIterable {
    /// HMAC with SHA-256, by a secret that provider and node share.
    case hs256 = "HS256"
    /// RSASSA-PKCS1-v1_5 with SHA-256, by a key of 2,048 to 8,192 bits.
    case rs256 = "RS256"
    /// ECDSA on P-256 with SHA-256.
    case es256 = "ES256"
    /// EdDSA on Curve25519.
    case eddsa = "EdDSA"
}
