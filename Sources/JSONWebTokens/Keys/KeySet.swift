/// The keys that a provider signs with at a time.
struct KeySet: Sendable {
    /// What a set has for a token.
    enum Match {
        case key(VerificationKey)
        /// No such key; the provider may have a new one.
        case unknown
        /// The token says nothing that tells several keys apart.
        case ambiguous
        /// The key of that name is for another algorithm.
        case otherAlgorithm
    }

    let keys: [VerificationKey]

    /// The key for a token: the one of its name, or without a name the only one of its algorithm.
    func match(_ header: TokenHeader) -> Match {
        guard let id = header.keyID else {
            let candidates = keys.filter { $0.algorithm == header.algorithm }
            guard let key = candidates.first else { return .unknown }
            return candidates.count == 1 ? .key(key) : .ambiguous
        }
        let named = keys.filter { $0.id == id }
        guard !named.isEmpty else { return .unknown }
        return named.first { $0.algorithm == header.algorithm }.map(Match.key) ?? .otherAlgorithm
    }
}
