import Accounts
import CoreMetrics
import JSONWebTokens
import Logging
import SocketIO

extension SessionService {
    /// Verifies what a client logs in by.
    ///
    /// - Parameters:
    ///   - browser: the caller's session, if it has one.
    ///   - lastLogin: whose it was last.
    package func verify(
        _ login: LoginRequest, from visitor: Visitor, browser: SessionHandle?, lastLogin: LastLogin?
    ) async throws(RequestFailure) -> VerifiedUser {
        switch login {
        case .password(let password):
            try await verify(password, from: visitor, browser: browser, lastLogin: lastLogin)
        case .token(let token):
            try await verify(token: token, from: visitor)
        }
    }

    /// Verifies the token of an identity provider. No account is needed, and none is made.
    ///
    /// The limits of failed logins do not count it: there is nothing to guess, and nothing to hash.
    ///
    /// - Throws: `invalid_credentials` with what is wrong, `unavailable` while the provider's keys or Redis cannot be had,
    ///   `bad_request` where no provider is configured, `forbidden` over plain HTTP off loopback.
    private func verify(token: String, from visitor: Visitor) async throws(RequestFailure) -> VerifiedUser {
        guard let tokens else {
            throw RequestFailure(
                .badRequest, "login by token is not configured here; username and password are expected")
        }
        try requireSecure(visitor)
        let now = store.clock.now
        let candidate = try await serving { () async throws(JSONWebTokenError) in try tokens.read(token, now: now) }
        // Before the wait for a key, so that the end of all of the user's sessions ends this login too.
        let generation = try await serving { () async throws(SessionError) in
            try await self.store.userGeneration(of: candidate.user.id)
        }
        let user = try await serving { () async throws(JSONWebTokenError) in try await tokens.verify(candidate) }
        return VerifiedUser(user: SessionUser(id: user.id, name: Self.shownName(of: user)), generation: generation)
    }

    private func serving<Result: Sendable>(
        _ body: () async throws(JSONWebTokenError) -> Result
    ) async throws(RequestFailure) -> Result {
        do throws(JSONWebTokenError) {
            return try await body()
        } catch {
            throw failure(error)
        }
    }

    private func failure(_ error: JSONWebTokenError) -> RequestFailure {
        switch error.code {
        case .invalidToken:
            counters.failedLogins.increment()
            return RequestFailure(.invalidCredentials, "the token was refused: \(error.message)")
        case .unavailable, .invalidConfiguration:
            return RequestFailure(.unavailable, error.message, retryAfter: .seconds(1))
        }
    }

    /// What the provider calls the user, where an account could be called so; else by which it knows the user.
    private static func shownName(of user: TokenUser) -> String {
        for name in [user.name, user.subject] {
            if let name, let fit = try? AccountName(name) { return fit.written }
        }
        return user.id
    }
}
