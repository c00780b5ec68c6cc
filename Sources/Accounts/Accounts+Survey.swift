/// What the hashes of a store's first accounts are worth.
public struct PasswordHashSurvey: Sendable, Equatable {
    /// How many were looked at, 1,000 at most.
    public let accounts: Int
    /// Those that cost an attacker less than one that is made today.
    public let weak: Int
    /// Those that no password can be checked against.
    public let unusable: Int
}

extension Accounts {
    /// Looks at the hashes of the first 1,000 accounts.
    ///
    /// - Returns: `nil` where accounts are another program's, which are looked up one at a time.
    /// - Throws: `unavailable`.
    public func surveyHashes() async throws(AccountsError) -> PasswordHashSurvey? {
        let accounts: [Account]
        do throws(AccountsError) {
            accounts = try await self.store.accounts(after: nil, limit: 1_000)
        } catch {
            guard error.code == .readOnly else { throw error }
            return nil
        }
        let hashes = accounts.map { try? PasswordHash(encoded: $0.passwordHash) }
        return PasswordHashSurvey(
            accounts: accounts.count, weak: hashes.count { $0?.isWeak == true }, unusable: hashes.count { $0 == nil })
    }
}
