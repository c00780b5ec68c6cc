import Accounts
import CoreMetrics
import Logging
package import SocketIO

/// What a client sends to log in by password, or to register.
package struct PasswordLogin: Sendable {
    package let username: String
    package let password: String

    /// - Throws: `bad_request` when the two are not there.
    package init(_ body: JSONBytes) throws(RequestFailure) {
        guard let username = body["username"]?.string, let password = body["password"]?.string else {
            throw RequestFailure(.badRequest, "username and password: two strings are expected")
        }
        self.username = username
        self.password = password
    }
}

/// Somebody whose password or token was right.
package struct VerifiedUser: Sendable {
    package let user: SessionUser
    /// The user's generation, read before the password or the token was verified.
    package let generation: Int
}

extension SessionService {
    /// Verifies a password, within the cluster's limits.
    ///
    /// - Parameters:
    ///   - browser: the caller's session, if it has one.
    ///   - lastLogin: whose it was last.
    /// - Throws: `invalid_credentials` for an unknown name as for a wrong password, `rate_limited`, `unavailable`,
    ///   `forbidden` over plain HTTP off loopback.
    package func verify(
        _ login: PasswordLogin, from visitor: Visitor, browser: SessionHandle?, lastLogin: LastLogin?
    ) async throws(RequestFailure) -> VerifiedUser {
        try requireSecure(visitor)
        let account = try await serving { () async throws(AccountsError) in
            try await self.accounts.user(named: login.username)
        }
        let generation = try await serving { () async throws(SessionError) in
            // For nobody too, so that the time tells nothing.
            try await self.store.userGeneration(of: account?.id ?? "")
        }
        let isLast = account.map { lastLogin == LastLogin(userID: $0.id, userGeneration: generation) } ?? false
        let admission = try await serving { () async throws(SessionError) in
            try await self.limiter.admit(
                account: Self.key(of: login.username), address: visitor.address, browser: isLast ? browser : nil)
        }
        guard case .admitted(let attempt) = admission else {
            throw .tooManyFailures(admission)
        }
        let user: User?
        do throws(RequestFailure) {
            user = try await serving { () async throws(AccountsError) in
                try await self.accounts.authenticate(name: login.username, password: login.password)
            }
        } catch {
            await abandon(attempt)
            throw error
        }
        _ = try await serving { () async throws(SessionError) in
            try await self.limiter.settle(attempt, as: user == nil ? .failed : .succeeded)
        }
        guard let user, user.id == account?.id else {
            counters.failedLogins.increment()
            throw RequestFailure(.invalidCredentials, "the name or the password is wrong")
        }
        return VerifiedUser(user: SessionUser(id: user.id, name: user.name), generation: generation)
    }

    /// Makes an account for a visitor.
    package func register(
        _ login: PasswordLogin, from visitor: Visitor
    ) async throws(RequestFailure) -> VerifiedUser {
        try requireSecure(visitor)
        // No account is made that nobody can be logged in to now: the answer would be `unavailable`, the next `name_taken`.
        _ = try await serving { () async throws(SessionError) in try await self.store.userGeneration(of: "") }
        let user = try await serving { () async throws(AccountsError) in
            try await self.accounts.register(name: login.username, password: login.password)
        }
        counters.registrations.increment()
        return VerifiedUser(user: SessionUser(id: user.id, name: user.name), generation: 0)
    }

    /// - Throws: `forbidden` over plain HTTP off loopback.
    package func requireSecure(_ visitor: Visitor) throws(RequestFailure) {
        guard visitor.cookie.allowsLogin else {
            throw RequestFailure(
                .forbidden,
                "no login may travel over plain HTTP; use HTTPS (or set REJOIN_INSECURE_LOGIN where nobody listens)"
            )
        }
    }

    /// The limits count a name as its account does, and one that no account can have as it is.
    private static func key(of username: String) -> String {
        do {
            return try AccountName(username).key
        } catch {
            return username
        }
    }

    private func abandon(_ attempt: LoginAttempt) async {
        do throws(SessionError) {
            try await limiter.settle(attempt, as: .abandoned)
        } catch {
            logger.debug("login attempt not settled", metadata: ["error": "\(error)"])
        }
    }
}
