import HTTPTypes
import Hummingbird
import NIOCore
import Sessions
import SocketIO

/// Answers of the session endpoints: never cached.
enum Answer {
    static func json(_ json: JSONBytes, status: HTTPResponse.Status = .ok, cookie: String? = nil) -> Response {
        var response = Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: json.buffer))
        response.setCookie(cookie)
        return response
    }

    static func empty(_ status: HTTPResponse.Status, cookie: String? = nil) -> Response {
        var response = Response(status: status, headers: [.cacheControl: "no-store"])
        response.setCookie(cookie)
        return response
    }

    /// `{"error":CODE,"message":TEXT}`
    static func error(_ code: String, _ message: String, status: HTTPResponse.Status) -> Response {
        var writer = JSONObjectWriter()
        writer.member("error", string: code)
        writer.member("message", string: message)
        return json(writer.finish(), status: status)
    }

    static func error(_ error: CookieError) -> Response {
        self.error(
            "bad_request", error.message, status: error == .tooLarge ? .requestHeaderFieldsTooLarge : .badRequest)
    }

    static func failure(_ failure: RequestFailure) -> Response {
        var response = error(failure.code.rawValue, failure.message, status: status(of: failure.code))
        if let retryAfter = failure.retryAfter {
            let seconds = retryAfter.components.seconds + (retryAfter.components.attoseconds > 0 ? 1 : 0)
            response.headers[.retryAfter] = String(max(1, seconds))
        }
        return response
    }

    private static func status(of code: ErrorCode) -> HTTPResponse.Status {
        switch code {
        case .badRequest, .weakPassword: .badRequest
        case .invalidCredentials, .loginRequired: .unauthorized
        case .forbidden, .registrationClosed: .forbidden
        case .tooLarge: .contentTooLarge
        case .rateLimited: .tooManyRequests
        case .conflict, .nameTaken, .notJoined, .rejected: .conflict
        case .unavailable: .serviceUnavailable
        case .internal: .internalServerError
        }
    }
}

extension Response {
    mutating func setCookie(_ cookie: String?) {
        if let cookie { headers[.setCookie] = cookie }
    }
}
