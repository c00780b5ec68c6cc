import CoreMetrics
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// Answers requests that may not use the admin API, counts them, and logs them at most once a second.
struct AdminRefusals: Sendable {
    private let logger: Logger
    private let counters: [String: Counter]
    private let recent = Recent()

    /// When one was logged last, and how many were not since.
    private final class Recent: Sendable {
        let state = Mutex<(logged: ContinuousClock.Instant?, unlogged: Int)>((nil, 0))

        /// How many were not logged before this one; nil when this one is not to be logged either.
        func next(now: ContinuousClock.Instant) -> Int? {
            state.withLock { state in
                if let logged = state.logged, now - logged < .seconds(1) {
                    state.unlogged += 1
                    return nil
                }
                defer { state = (now, 0) }
                return state.unlogged
            }
        }
    }

    init(logger: Logger) {
        self.logger = logger
        counters = Dictionary(
            uniqueKeysWithValues: AdminAccess.Reason.allCases.map {
                ($0.rawValue, Counter(label: "rejoin_admin_refused_total", dimensions: [("reason", $0.rawValue)]))
            })
    }

    func answer(_ reason: AdminAccess.Reason, peer: String) -> Response {
        counters[reason.rawValue]?.increment()
        if let others = recent.next(now: .now) {
            logger.warning(
                "admin request refused",
                metadata: ["reason": "\(reason.rawValue)", "peer": "\(peer)", "others": "\(others)"])
        }
        switch reason {
        case .tokenInQuery:
            return Answer.error(
                "bad_request", "a token in the query is known to logs: send it as Authorization: Bearer TOKEN",
                status: .badRequest)
        case .browser:
            return Answer.error(
                "forbidden", "browsers may not use the admin API: an Origin or a foreign Sec-Fetch-Site was sent",
                status: .forbidden)
        case .token:
            var response = Answer.error(
                "unauthorized", "Authorization: Bearer TOKEN is expected, with the token of REJOIN_ADMIN_TOKEN",
                status: .unauthorized)
            response.headers[.wwwAuthenticate] = "Bearer"
            return response
        case .notLocal:
            return Answer.error(
                "forbidden",
                "without a token the admin API answers this machine alone, by the name localhost or a loopback"
                    + " address; set REJOIN_ADMIN_TOKEN to use it from elsewhere", status: .forbidden)
        }
    }
}
