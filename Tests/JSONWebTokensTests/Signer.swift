import CryptoExtras
import FoundationEssentials
import JWTKit

@testable import JSONWebTokens

/// Somebody with a key, who signs whatever a test wants signed.
struct Signer: Sendable {
    let algorithm: String
    /// The public key as a provider publishes it, as one JSON object; empty for a secret.
    let published: String
    private let key: any JWTAlgorithm
    private let id: String?

    static func hs256(_ secret: [UInt8]) async throws -> Signer {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        return try await Signer(keys, "HS256", nil, "")
    }

    static func rs256(id: String? = "r", members: String = "") async throws -> Signer {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let primitives = try key.publicKey.getKeyPrimitives()
        let keys = JWTKeyCollection()
        await keys.add(rsa: try Insecure.RSA.PrivateKey(backing: key), digestAlgorithm: .sha256)
        let (n, e) = (base64URL(primitives.modulus), base64URL(primitives.publicExponent))
        return try await Signer(keys, "RS256", id, #""kty":"RSA","n":"\#(n)","e":"\#(e)"\#(members)"#)
    }

    static func es256(id: String? = "e", members: String = "") async throws -> Signer {
        let key = ES256PrivateKey()
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: key)
        guard let point = key.publicKey.parameters else { throw CancellationError() }
        let (x, y) = (unpadded(point.x), unpadded(point.y))
        return try await Signer(keys, "ES256", id, #""kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"\#(members)"#)
    }

    static func eddsa(id: String? = "o", members: String = "") async throws -> Signer {
        let key = try EdDSA.PrivateKey()
        let keys = JWTKeyCollection()
        await keys.add(eddsa: key)
        let x = base64URL(key.publicKey.rawRepresentation)
        return try await Signer(keys, "EdDSA", id, #""kty":"OKP","crv":"Ed25519","x":"\#(x)"\#(members)"#)
    }

    private init(_ keys: JWTKeyCollection, _ algorithm: String, _ id: String?, _ members: String) async throws {
        key = try await keys.getKey()
        self.algorithm = algorithm
        self.id = id
        published = "{" + (id.map { #""kid":"\#($0)","# } ?? "") + members + "}"
    }

    /// - Parameters:
    ///   - claims: a JSON object.
    ///   - header: another header than the right one.
    func sign(_ claims: String, header: String? = nil) throws -> String {
        let kid = id.map { #","kid":"\#($0)""# } ?? ""
        let header = header ?? #"{"alg":"\#(algorithm)"\#(kid)}"#
        let signed = Self.base64URL(Data(header.utf8)) + "." + Self.base64URL(Data(claims.utf8))
        return signed + "." + Self.base64URL(Data(try key.sign(Data(signed.utf8))))
    }

    static func base64URL(_ data: Data) -> String { unpadded(data.base64EncodedString()) }

    private static func unpadded(_ base64: String) -> String {
        String(
            base64.compactMap { character in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }
}

/// What a provider publishes.
func keySet(_ signers: Signer...) -> String {
    #"{"keys":["# + signers.map(\.published).joined(separator: ",") + "]}"
}

/// Keys as they are in a set that was read once.
struct TestKeys: VerificationKeys {
    let set: KeySet

    init(_ json: String) async throws {
        set = await (try KeySetDocument(Data(json.utf8))).read().set
    }

    func key(for header: TokenHeader) async throws(JSONWebTokenError) -> VerificationKey {
        guard case .key(let key) = set.match(header) else {
            throw JSONWebTokenError(.invalidToken, "its key is not known")
        }
        return key
    }
}
