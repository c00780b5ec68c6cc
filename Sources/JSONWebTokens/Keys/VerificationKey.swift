import FoundationEssentials
import JWTKit

/// A key that signatures are verified by: for one algorithm, and never for signing.
struct VerificationKey: Sendable {
    /// The key's name in its set, if it has one.
    let id: String?
    let algorithm: SignatureAlgorithm
    private let verifier: any JWTAlgorithm

    /// - Parameter secret: at least 32 bytes.
    init(secret: [UInt8]) async throws {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        try await self.init(id: nil, .hs256, keys)
    }

    /// - Parameters:
    ///   - modulus: base64url, big-endian; of 2,048 bits or more.
    ///   - exponent: base64url, big-endian.
    init(id: String?, modulus: String, exponent: String) async throws {
        let keys = JWTKeyCollection()
        let key = try Insecure.RSA.PublicKey(modulus: modulus, exponent: exponent)
        await keys.add(rsa: key, digestAlgorithm: .sha256)
        try await self.init(id: id, .rs256, keys)
    }

    /// - Parameters:
    ///   - x: a coordinate of a point on P-256, base64url of 32 bytes.
    ///   - y: the other one.
    init(id: String?, x: String, y: String) async throws {
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: try ES256PublicKey(parameters: (x, y)))
        try await self.init(id: id, .es256, keys)
    }

    /// - Parameter ed25519: base64url of 32 bytes.
    init(id: String?, ed25519: String) async throws {
        let keys = JWTKeyCollection()
        await keys.add(eddsa: try EdDSA.PublicKey(x: ed25519, curve: .ed25519))
        try await self.init(id: id, .eddsa, keys)
    }

    private init(id: String?, _ algorithm: SignatureAlgorithm, _ keys: JWTKeyCollection) async throws {
        self.id = id
        self.algorithm = algorithm
        verifier = try await keys.getKey()
    }

    /// Whether the signature is this key's. One that is none of its algorithm's is not.
    func verifies(_ signature: Data, of signed: Data) -> Bool {
        do {
            return try verifier.verify(signature, signs: signed)
        } catch {
            return false
        }
    }
}
