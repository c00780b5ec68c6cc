import Accounts
import Cluster
import HTTPTypes
import Hummingbird
import RedisClient
import Rooms
import Sessions

/// Why a request to the admin API was not done.
struct AdminFailure: Error {
    let status: HTTPResponse.Status
    /// For programs.
    let code: String
    /// For people: what was wrong, what is expected, what to do.
    let message: String

    init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func badRequest(_ message: String) -> AdminFailure {
        AdminFailure(.badRequest, "bad_request", message)
    }

    static func notFound(_ message: String) -> AdminFailure {
        AdminFailure(.notFound, "not_found", message)
    }

    static func unavailable(_ message: String) -> AdminFailure {
        AdminFailure(.serviceUnavailable, "unavailable", message)
    }

    /// What an error means to an operator; nil for one that nobody expected.
    init?(_ error: any Error) {
        switch error {
        case let error as AdminFailure: self = error
        case let error as AccountsError: self.init(error)
        case let error as RedisError where error.isUnavailable: self = .redisIsAway
        case let error as RoomError where error.code == .unavailable: self = .unavailable("\(error.message); try again")
        case let error as ClusterError where error.code == .unknownNode: self = .notFound(error.message)
        case let error as ClusterError where error.code == .timeout || error.code == .unavailable:
            self = .unavailable(error.message)
        default: return nil
        }
    }

    static let redisIsAway = unavailable("Redis cannot be reached at the moment; try again")

    private init(_ error: AccountsError) {
        switch error.code {
        case .badName: self = .badRequest(error.message)
        case .weakPassword: self.init(.badRequest, "weak_password", error.message)
        case .nameTaken: self.init(.conflict, "name_taken", error.message)
        case .notFound: self = .notFound("no account has this name")
        case .readOnly, .registrationClosed: self.init(.forbidden, "forbidden", error.message)
        case .unavailable, .invalidStore:
            self = .unavailable("the accounts cannot be reached at the moment; try again")
        case .unsupportedHash: self.init(.internalServerError, "internal", error.message)
        }
    }

    var response: Response {
        var response = Answer.error(code, message, status: status)
        if status == .serviceUnavailable { response.headers[.retryAfter] = "1" }
        return response
    }
}
