import FoundationEssentials

/// A JSON Web Key Set (RFC 7517 5): what a provider publishes.
struct KeySetDocument: Decodable {
    /// The most bytes of one: 1 MiB.
    static let maximumBytes = 1_048_576
    /// The most keys of one.
    static let maximumKeys = 256

    private let keys: [KeyDocument]

    /// - Throws: `unavailable` when the bytes are no such set.
    init(_ bytes: Data) throws(JSONWebTokenError) {
        do {
            self = try JSONDecoder().decode(Self.self, from: bytes)
        } catch {
            throw JSONWebTokenError(.unavailable, "it is no JSON Web Key Set: \"keys\" with key objects is expected")
        }
        guard keys.count <= Self.maximumKeys else {
            throw JSONWebTokenError(.unavailable, "it has \(keys.count) keys, at most \(Self.maximumKeys) are expected")
        }
    }

    /// Those that can be used, and why the others cannot.
    func read() async -> (set: KeySet, skipped: [String]) {
        var usable: [VerificationKey] = []
        var skipped: [String] = []
        for (index, document) in keys.enumerated() {
            let name = document.id.map { "kid \($0.prefix(64))" } ?? "number \(index + 1)"
            do throws(JSONWebTokenError) {
                let key = try await document.read()
                guard key.id == nil || !usable.contains(where: { $0.id == key.id && $0.algorithm == key.algorithm })
                else { throw KeyDocument.unusable("a key before it has the same name") }
                usable.append(key)
            } catch {
                skipped.append("\(name): \(error.message)")
            }
        }
        return (KeySet(keys: usable), skipped)
    }
}

/// One key of a set (RFC 7517 4, RFC 7518 6, RFC 8037 2). Private parts are never read.
private struct KeyDocument: Decodable {
    /// Members that are no strings are as good as none, so that one odd key does not spoil the set.
    private let members: [String: ClaimValue]

    /// The bits that an RSA key may have.
    private static let rsaBits = 2_048...8_192

    init(from decoder: any Decoder) throws {
        members = try decoder.singleValueContainer().decode([String: ClaimValue].self)
    }

    var id: String? { self["kid"] }

    private subscript(_ name: String) -> String? {
        if case .string(let text)? = members[name] { text } else { nil }
    }

    /// - Throws: with what keeps the key from being used.
    func read() async throws(JSONWebTokenError) -> VerificationKey {
        guard members["kid"] == nil || id != nil else { throw Self.unusable("its kid is no string") }
        guard members["use"] == nil || self["use"] == "sig" else { throw Self.unusable("its use is not sig") }
        if let operations = members["key_ops"] {
            guard case .strings(let operations) = operations, operations.contains("verify") else {
                throw Self.unusable("its key_ops are without verify")
            }
        }
        let type = self["kty"] ?? ""
        do {
            switch (type, self["crv"]) {
            case ("RSA", _):
                try expect(.rs256)
                let modulus = try part("n")
                try Self.requireStrength(modulus)
                return try await VerificationKey(id: id, modulus: modulus, exponent: try part("e"))
            case ("EC", "P-256"):
                try expect(.es256)
                return try await VerificationKey(id: id, x: try part("x"), y: try part("y"))
            case ("OKP", "Ed25519"):
                try expect(.eddsa)
                return try await VerificationKey(id: id, ed25519: try part("x"))
            default:
                throw Self.unusable("its type is not RSA, EC on P-256, or OKP on Ed25519")
            }
        } catch let error as JSONWebTokenError {
            throw error
        } catch {
            throw Self.unusable("it is no valid key of its type")
        }
    }

    /// A key is for what it says it is for; one that says nothing is for the one algorithm that is taken of its type.
    private func expect(_ algorithm: SignatureAlgorithm) throws(JSONWebTokenError) {
        guard members["alg"] == nil || self["alg"] == algorithm.rawValue else {
            throw Self.unusable("its alg is not \(algorithm.rawValue)")
        }
    }

    private func part(_ name: String) throws(JSONWebTokenError) -> String {
        guard let text = self[name], !text.isEmpty, Base64URLBytes.decode(text[...]) != nil else {
            throw Self.unusable("its \(name) is not base64url")
        }
        return text
    }

    private static func requireStrength(_ modulus: String) throws(JSONWebTokenError) {
        let bytes = (Base64URLBytes.decode(modulus[...]) ?? Data()).drop { $0 == 0 }
        let bits = bytes.count * 8 - (bytes.first?.leadingZeroBitCount ?? 0)
        guard rsaBits.contains(bits) else {
            throw unusable("it has \(bits) bits, \(rsaBits.lowerBound) to \(rsaBits.upperBound) are expected")
        }
    }

    static func unusable(_ why: String) -> JSONWebTokenError {
        JSONWebTokenError(.invalidConfiguration, why)
    }
}
