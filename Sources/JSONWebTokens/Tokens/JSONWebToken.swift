import FoundationEssentials

/// A signed token (RFC 7519, by RFC 7515's compact serialization), taken apart. Nobody has looked at its signature yet.
struct JSONWebToken {
    /// The most bytes of a token: 4,096.
    static let maximumBytes = 4_096

    let header: TokenHeader
    let claims: [String: ClaimValue]
    /// The header and the claims as they were sent: what is signed.
    let signed: Data
    let signature: Data

    /// - Throws: `invalidToken` for what is too long, is no such token, or is of a kind that is never taken.
    init(_ text: String) throws(JSONWebTokenError) {
        guard text.utf8.count <= Self.maximumBytes else {
            throw Self.malformed("it has more than \(Self.maximumBytes) bytes")
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URLBytes.decode(parts[0]),
            let claims = Base64URLBytes.decode(parts[1]), let signature = Base64URLBytes.decode(parts[2])
        else {
            throw Self.malformed("it is not three parts of base64url with dots between them")
        }
        _ = try Self.members(header, "its header")
        self.header = try Self.decode(TokenHeader.self, header, "its header")
        self.claims = try Self.members(claims, "its claims")
        self.signature = signature
        signed = Data(text.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    }

    /// Of a name that comes twice, one reader of JSON takes the first and another one the last: neither is taken here
    /// (RFC 7519 4).
    private static func members(_ data: Data, _ what: String) throws(JSONWebTokenError) -> [String: ClaimValue] {
        let members = try decode([String: ClaimValue].self, data, what)
        guard let count = ObjectMembers.count(data) else {
            throw malformed("\(what) cannot be read: UTF-8 is expected")
        }
        guard count == members.count else { throw malformed("a name comes twice in \(what)") }
        return members
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ data: Data, _ what: String
    ) throws(JSONWebTokenError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as JSONWebTokenError {
            throw error
        } catch {
            throw malformed("\(what) cannot be read: a JSON object with values of the right types is expected")
        }
    }

    private static func malformed(_ what: String) -> JSONWebTokenError {
        JSONWebTokenError(.invalidToken, what)
    }
}
