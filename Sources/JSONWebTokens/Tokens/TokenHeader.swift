/// The part of a token that says how it is signed (RFC 7515 4).
///
/// Keys that a token brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) are not read: anybody can write them.
struct TokenHeader: Decodable {
    let algorithm: SignatureAlgorithm
    /// Names the key within the provider's set.
    let keyID: String?

    private enum CodingKeys: String, CodingKey {
        case algorithm = "alg"
        case keyID = "kid"
        case type = "typ"
        case critical = "crit"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard !container.contains(.critical) else {
            throw Self.refusal("its header has crit, and no extension is understood here")
        }
        let algorithm = try container.decode(String.self, forKey: .algorithm)
        guard let algorithm = SignatureAlgorithm(rawValue: algorithm) else {
            let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw Self.refusal("its alg is not one of \(known)")
        }
        self.algorithm = algorithm
        keyID = try container.decodeIfPresent(String.self, forKey: .keyID)
        if let type = try container.decodeIfPresent(String.self, forKey: .type), !Self.isForLogin(type) {
            throw Self.refusal("its typ is not JWT or at+jwt")
        }
    }

    /// A provider signs other things by the same keys (logout tokens, events, proofs), which let nobody in
    /// (RFC 8725 3.11). Case and the prefix of the media type do not count (RFC 7515 4.1.9).
    private static func isForLogin(_ type: String) -> Bool {
        let type = type.lowercased()
        return ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(type)
    }

    private static func refusal(_ what: String) -> JSONWebTokenError {
        JSONWebTokenError(.invalidToken, what)
    }
}
