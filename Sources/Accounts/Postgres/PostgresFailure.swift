/// What went wrong between us and PostgreSQL. The message has no secret in it.
struct PostgresFailure: Error, Sendable, CustomStringConvertible {
    enum Kind: Sendable, Equatable {
        /// There is no connection; nothing was asked. With the server's reason (SQLSTATE), if it gave one.
        case notConnected(state: String?)
        /// The connection was lost while the answer was awaited.
        case lost
        /// The call's deadline passed.
        case timeout
        /// No answer came to the end of a transaction: the change may have been made.
        case uncertain
        /// Too many calls wait, or the caller was cancelled: nothing was asked.
        case turnedAway
        /// The server refused the statement, with this reason (SQLSTATE, PostgreSQL appendix A).
        case refused(state: String)
        /// The database cannot be used as it is.
        case unfit
    }

    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    var description: String { self.message }

    /// Whether somebody must mend it: waiting does not help.
    var needsMending: Bool {
        switch self.kind {
        case .notConnected(let state?):
            // Authentication (28), no such database (3D), no right to connect (42501), no such protocol or host entry.
            state.hasPrefix("28") || state.hasPrefix("3D") || state.hasPrefix("42") || state.hasPrefix("0A")
        case .notConnected(nil):
            // libpq's own findings about TLS; it writes them in English unless the program asks for another language.
            self.message.contains("certificate") || self.message.contains("does not support SSL")
                || self.message.contains("no password supplied")
        case .refused(let state):
            // Not: connection (08), transaction (25, 40), resources (53), limits (54), lock (55), operator (57),
            // system (58).
            !["08", "25", "40", "53", "54", "55", "57", "58"].contains { state.hasPrefix($0) }
        case .unfit:
            true
        case .lost, .timeout, .uncertain, .turnedAway:
            false
        }
    }

    /// Whether the connection may have been left in a state that nobody should build on.
    var spoilsConnection: Bool {
        switch self.kind {
        case .refused(let state):
            // A server that is shutting down (57P), or that became a read-only standby (25006).
            state.hasPrefix("57P") || state == "25006" || state.hasPrefix("08")
        default:
            true
        }
    }

    /// As the store tells it.
    var accountsError: AccountsError {
        if self.kind == .refused(state: "23505") {
            return AccountsError(.nameTaken, "this name is taken; choose another one")
        }
        let code: AccountsError.Code = self.needsMending ? .invalidStore : .unavailable
        let advice =
            switch self.kind {
            case .notConnected where self.needsMending:
                "check user, password, database and TLS in the accounts address"
            case .uncertain:
                "whether a change was made is not known; look before trying again"
            case .refused where self.needsMending, .unfit:
                "check the database and the rights of its user"
            default:
                "try again later"
            }
        return AccountsError(code, "the accounts database: \(self.message); \(advice)")
    }
}
