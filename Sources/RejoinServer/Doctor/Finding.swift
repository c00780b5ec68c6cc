/// What the doctor found of one thing.
public struct Finding: Sendable, Encodable, Equatable {
    /// How bad it is.
    public enum Verdict: String, Sendable, Encodable {
        /// As it should be.
        case ok
        /// It works, and somebody should know.
        case warn
        /// A cluster does not work, or loses what it acknowledged.
        case fail
    }

    public let verdict: Verdict
    /// What was looked at: `redis.version`.
    public let check: String
    /// What is.
    public let found: String
    /// What should be; empty when it is.
    public let expected: String
    /// What to do; empty when there is nothing to do.
    public let advice: String

    static func ok(_ check: String, _ found: String) -> Finding {
        Finding(verdict: .ok, check: check, found: found, expected: "", advice: "")
    }

    static func warn(_ check: String, _ found: String, expected: String, advice: String) -> Finding {
        Finding(verdict: .warn, check: check, found: found, expected: expected, advice: advice)
    }

    static func fail(_ check: String, _ found: String, expected: String, advice: String) -> Finding {
        Finding(verdict: .fail, check: check, found: found, expected: expected, advice: advice)
    }

    /// What this user of Redis may not look at.
    static func unknown(_ check: String, expected: String) -> Finding {
        .warn(
            check, "cannot be checked: this user may not ask Redis", expected: expected,
            advice: "ask whoever runs that Redis, or allow +config|get")
    }
}
