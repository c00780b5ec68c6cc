package import Accounts
import Logging

extension RequestFailure {
    /// What an error of the session service means to a client.
    ///
    /// - Parameter id: names what happened in the log, where somebody must look.
    fileprivate init(_ error: SessionError, id: String) {
        switch error.code {
        case .unavailable:
            self.init(
                .unavailable, "the session service cannot be reached at the moment; try again", retryAfter: .seconds(1))
        case .internal, .invalidConfiguration:
            self.init(.internal, "something went wrong here; the log has it under the id \(id)")
        }
    }

    /// What an error of the accounts means to a client.
    package init(_ error: AccountsError) {
        switch error.code {
        case .badName: self.init(.badRequest, error.message)
        case .weakPassword: self.init(.weakPassword, error.message)
        case .nameTaken: self.init(.nameTaken, error.message)
        case .registrationClosed, .readOnly: self.init(.registrationClosed, error.message)
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
    /// What an error means to a client; one that is not expected goes to the log, under the id that the client is told.
    package func failure(_ error: SessionError) -> RequestFailure {
        let id = String(UInt64.random(in: .min ... .max), radix: 36)
        if error.code != .unavailable {
            logger.error("the session service failed", metadata: ["id": "\(id)", "error": "\(error)"])
        }
        return RequestFailure(error, id: id)
    }

    /// Asks the session store; its errors are the client's answer, and the log's where somebody must look.
    func serving<Result: Sendable>(
        _ body: () async throws(SessionError) -> Result
    ) async throws(RequestFailure) -> Result {
        do throws(SessionError) {
            return try await body()
        } catch {
            throw failure(error)
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
