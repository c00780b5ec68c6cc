import Synchronization

/// The shared look-ups of unknown key ids: one at a time, at most one a second, everybody waits for the next.
///
/// A look-up that had begun before a credential arrived proves nothing about its key, so each waits for one that begins
/// later.
struct KeyLookups {
    /// What a caller that needs a look-up does.
    enum Step {
        /// It makes the look-up itself, not before this time; then `finished`.
        case lead(notBefore: ContinuousClock.Instant)
        /// Somebody is about to make it: wait for the result.
        case follow
        case refuse
    }

    /// How a look-up that was waited for ended.
    enum Outcome {
        case done
        case failed(SessionError)
        /// Whoever led it gave up before it began.
        case abandoned
    }

    private var last: ContinuousClock.Instant?
    private var isPlanned = false
    private var waiting: [CheckedContinuation<Outcome, Never>] = []

    mutating func needed(now: ContinuousClock.Instant) -> Step {
        guard self.isPlanned else {
            self.isPlanned = true
            let notBefore = self.last.map { $0 + .seconds(1) } ?? now
            return .lead(notBefore: max(notBefore, now))
        }
        return self.waiting.count < KeyRing.maximumWaiting ? .follow : .refuse
    }

    /// Registers a follower; false when the look-up has begun or ended meanwhile, and it must ask anew.
    mutating func follow(_ continuation: CheckedContinuation<Outcome, Never>) -> Bool {
        guard self.isPlanned, self.waiting.count < KeyRing.maximumWaiting else { return false }
        self.waiting.append(continuation)
        return true
    }

    /// The planned look-up begins now, or is given up; who comes later needs another.
    ///
    /// - Returns: those who wait for it.
    mutating func closed(beganAt now: ContinuousClock.Instant?) -> [CheckedContinuation<Outcome, Never>] {
        defer { self.waiting = [] }
        self.isPlanned = false
        if let now { self.last = now }
        return self.waiting
    }
}

extension KeyRing {
    /// Waits for a look-up that begins after this call.
    func lookUp() async throws(SessionError) {
        while true {
            switch self.withState({ $0.lookups.needed(now: ContinuousClock.now) }) {
            case .refuse:
                throw SessionError(.unavailable, "too many credentials wait for their key to be looked up")
            case .lead(let notBefore):
                try await self.lead(notBefore: notBefore)
                return
            case .follow:
                let outcome = await withCheckedContinuation { continuation in
                    let isRegistered = self.withState { $0.lookups.follow(continuation) }
                    if !isRegistered { continuation.resume(returning: KeyLookups.Outcome.abandoned) }
                }
                switch outcome {
                case .done: return
                case .failed(let error): throw error
                case .abandoned: continue
                }
            }
        }
    }

    /// Makes the look-up for itself and for all who wait: a follower's wait ends with this call, so within a second and
    /// a command's deadline.
    private func lead(notBefore: ContinuousClock.Instant) async throws(SessionError) {
        do {
            try await Task.sleep(until: notBefore)
        } catch {
            self.end(self.withState { $0.lookups.closed(beganAt: nil) }, .abandoned)
            throw SessionError(.unavailable, "cancelled while a signing key was looked up")
        }
        let followers = self.withState { $0.lookups.closed(beganAt: ContinuousClock.now) }
        do {
            try await self.agree()
        } catch {
            self.end(followers, .failed(error))
            throw error
        }
        self.end(followers, .done)
    }

    private func end(_ followers: [CheckedContinuation<KeyLookups.Outcome, Never>], _ outcome: KeyLookups.Outcome) {
        for follower in followers { follower.resume(returning: outcome) }
    }
}
