/// Where the key of a token is found.
protocol VerificationKeys: Sendable {
    /// - Throws: `invalidToken` when there is none for it, `unavailable` when that cannot be said now.
    func key(for header: TokenHeader) async throws(JSONWebTokenError) -> VerificationKey
}

/// One secret, shared with whoever signs.
struct SharedSecret: VerificationKeys {
    private let key: VerificationKey

    init(_ secret: [UInt8]) async throws(JSONWebTokenError) {
        // Checked again: the hash stops the program where the key is shorter than it.
        guard case .secret(let secret) = try KeyLocation(secret: secret) else { preconditionFailure() }
        do {
            key = try await VerificationKey(secret: secret)
        } catch {
            throw JSONWebTokenError(.invalidConfiguration, "the secret cannot be used: \(error)")
        }
    }

    func key(for header: TokenHeader) async throws(JSONWebTokenError) -> VerificationKey {
        guard header.algorithm == key.algorithm else {
            throw JSONWebTokenError(.invalidToken, "its alg is not \(key.algorithm.rawValue), which is expected here")
        }
        return key
    }
}
