/// How long sessions live.
public struct SessionLife: Sendable {
    /// The idle life: slides while the session is in use. 14 days by default.
    public let idle: Duration
    /// The absolute life: begins with the record, anew with each login, and never slides. 90 days by default.
    public let absolute: Duration
    /// The life of a ticket, of the alias after the secret has changed, and of a login that nobody claims: 60 s.
    let grace: Duration
    /// How stale `seen` may be before a use or a sweep slides the session: a minute, less where the idle life is short.
    let slideAfter: Duration

    /// - Parameters:
    ///   - idle: `REJOIN_SESSION_IDLE`, at least 1 s.
    ///   - absolute: `REJOIN_SESSION_MAX`, at least 1 s.
    /// - Throws: `SessionError` with `.invalidConfiguration` for less than a second, or more than 10,000 days.
    public init(idle: Duration = .seconds(14 * 86400), absolute: Duration = .seconds(90 * 86400)) throws(SessionError) {
        try self.init(idle: idle, absolute: absolute, grace: .seconds(60))
    }

    init(idle: Duration, absolute: Duration, grace: Duration) throws(SessionError) {
        for (name, life) in [("REJOIN_SESSION_IDLE", idle), ("REJOIN_SESSION_MAX", absolute)] {
            guard life >= .seconds(1), life <= .seconds(10_000 * 86400) else {
                throw SessionError(.invalidConfiguration, "\(name) is \(life); expected are 1 second to 10,000 days")
            }
        }
        self.idle = idle
        self.absolute = absolute
        self.grace = grace
        self.slideAfter = min(.seconds(60), idle / 10)
    }
}

extension Duration {
    /// Whole milliseconds, as scripts take them.
    var milliseconds: Int {
        let (seconds, attoseconds) = self.components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
