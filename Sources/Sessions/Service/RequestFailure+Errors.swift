package import Accounts
import Logging

extension RequestFailure {
    /// What an error of the session service means to a client.
    package init(_ error: SessionError) {
        switch error.code {
        case .unavailable:
            self.init(
                .unavailable, "the session service cannot be reached at the moment; try again", retryAfter: .seconds(1))
        case .internal, .invalidConfiguration:
            self.init(.internal, "something went wrong here; the log says what")
        }
    }

    /// What an error of the accounts means to a client.
    package init(_ error: AccountsError) {
        switch error.code {
        case .badName: self.init(.badRequest, error.message)
        case .weakPassword: self.init(.weakPassword, error.message)
        case .nameTaken: self.init(.nameTaken, error.message)
        case .registrationClosed: self.init(.registrationClosed, error.message)
        case .notFound, .unsupportedHash:
            // A hash that cannot be checked is told to the log only: the answer must not tell whether the account exists.
            self.init(.invalidCredentials, "the name or the password is wrong")
        case .unavailable, .invalidStore:
            self.init(
                .unavailable, "accounts cannot be checked at the moment; try again", retryAfter: .seconds(1))
        }
    }

    static func tooManyFailures(_ admission: LoginAdmission) -> RequestFailure {
        var wait = Duration.seconds(1)
        if case .limited(let retryAfter) = admission { wait = .milliseconds(retryAfter) }
        return RequestFailure(
            .rateLimited, "too many logins failed; try again after retryAfter, also with the right password",
            retryAfter: wait)
    }
}

extension SessionService {
    /// Asks the session store; its errors are the client's answer, and the log's where somebody must look.
    func serving<Result: Sendable>(
        _ body: () async throws(SessionError) -> Result
    ) async throws(RequestFailure) -> Result {
        do throws(SessionError) {
            return try await body()
        } catch {
            if error.code != .unavailable {
                logger.error("the session service failed", metadata: ["error": "\(error)"])
            }
            throw RequestFailure(error)
        }
    }

    /// Asks the accounts, likewise.
    func serving<Result: Sendable>(
        _ body: () async throws(AccountsError) -> Result
    ) async throws(RequestFailure) -> Result {
        do throws(AccountsError) {
            return try await body()
        } catch {
            if error.code == .invalidStore || error.code == .unsupportedHash {
                logger.error("the accounts failed", metadata: ["error": "\(error)"])
            }
            throw RequestFailure(error)
        }
    }
}
