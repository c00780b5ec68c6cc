/// The first call to a database: it may take longer than others, and waits for a server that is starting.
struct PostgresOpening: Sendable {
    private let timeout: Duration

    init(_ configuration: PostgresConfiguration) {
        self.timeout = configuration.openTimeout
    }

    /// Does `work` until it succeeds, fails for good, or the time is over; `work` is told how much time is left.
    func run<Value: Sendable>(
        on pool: PostgresPool,
        _ work: @escaping @Sendable (PostgresConnection, Duration) throws(PostgresFailure) -> Value
    ) async throws(AccountsError) -> Value {
        let deadline = ContinuousClock.now + self.timeout
        while true {
            do throws(PostgresFailure) {
                let left = deadline - .now
                return try await pool.run(timeout: left) { connection throws(PostgresFailure) in
                    try work(connection, left)
                }
            } catch {
                // A tenth of a second: what is refused meanwhile is refused without asking the server.
                guard !error.needsMending, deadline - .now > .milliseconds(100), await Self.pause() else {
                    throw error.accountsError
                }
            }
        }
    }

    /// Returns `false` when the task was cancelled.
    private static func pause() async -> Bool {
        do {
            try await Task.sleep(for: .milliseconds(100))
            return true
        } catch {
            return false
        }
    }
}
