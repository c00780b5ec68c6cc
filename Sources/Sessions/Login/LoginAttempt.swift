/// A guess at a password that was admitted: it is to be settled, whatever comes of it.
public struct LoginAttempt: Sendable {
    /// One counter that holds its reservation.
    struct Counter: Sendable {
        let key: String
        let limit: Int
        /// A success forgets all of its failures.
        let clears: Bool
        /// It does not count for an address that has logged in to the account before.
        let exemptsKnown: Bool
    }

    let field: String
    let counters: [Counter]
    let knownKey: String
    let address: String
}

/// Whether a password may be tried.
public enum LoginAdmission: Sendable {
    /// Verify it, then settle the attempt.
    case admitted(LoginAttempt)
    /// Too many failures: `rate_limited`, also for the right password.
    ///
    /// - Parameter retryAfter: in ms, at most the longest wait.
    case limited(retryAfter: Int)
}

/// How an attempt ended.
public enum LoginOutcome: String, Sendable {
    /// Wrong password or unknown user.
    case failed
    /// The right password.
    case succeeded
    /// Nothing was verified: the queue was full, the accounts are away. It does not count.
    case abandoned
}
