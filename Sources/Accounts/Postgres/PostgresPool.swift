import Logging

/// The few connections to PostgreSQL, and the threads that wait for it.
///
/// As many calls run at once as there are connections; a given number wait, and what comes on top of that fails at
/// once. A call has its answer, or `unavailable`, by its deadline, whatever the server or the network do. While there
/// is no connection, calls fail at once, but for the one that tries anew: after 50 ms, then after twice as long each
/// time, 2 s at most. Threads and connections are made when they are first needed, and end with the pool.
final class PostgresPool: Sendable {
    private let workshop: PostgresWorkshop
    private let configuration: PostgresConfiguration

    init(_ configuration: PostgresConfiguration, session: PostgresSession, logger: Logger) {
        self.configuration = configuration
        self.workshop = PostgresWorkshop(configuration, session: session, logger: logger)
    }

    deinit {
        self.workshop.close()
    }

    /// Does `work` on a connection, on a thread of the pool.
    ///
    /// - Parameters:
    ///   - timeout: the deadline from now on. Default: the configured one of a call.
    ///   - isRepeatable: whether it may be done again when the connection is lost. Default: `false`.
    func run<Value: Sendable>(
        timeout: Duration? = nil, isRepeatable: Bool = false,
        _ work: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> Value
    ) async throws(PostgresFailure) -> Value {
        let deadline = ContinuousClock.now + (timeout ?? self.configuration.callTimeout)
        let answer = PostgresAnswer<Value>()
        let job = PostgresWorkshop.Job(
            deadline: deadline, isRepeatable: isRepeatable, isOver: { answer.isGiven },
            run: { connection in
                do throws(PostgresFailure) {
                    answer.give(.success(try work(connection)))
                    return nil
                } catch {
                    return error
                }
            },
            fail: { answer.give(.failure($0)) })
        let result = await withTaskGroup(of: Void.self) { group in
            let workshop = self.workshop
            // Threads keep the deadline by themselves, but for one that looks up a name in a DNS that does not answer.
            group.addTask {
                do {
                    try await Task.sleep(until: deadline + .milliseconds(50), clock: .continuous)
                    workshop.withdraw(job.id)
                    answer.give(.failure(PostgresFailure(.timeout, "no answer in time")))
                } catch {
                    // The answer is there, or the caller was cancelled; what is under way then ends by its deadline.
                    guard workshop.withdraw(job.id) else { return }
                    answer.give(.failure(PostgresFailure(.turnedAway, "the request was cancelled")))
                }
            }
            workshop.submit(job)
            let result = await answer.value()
            group.cancelAll()
            return result
        }
        return try result.get()
    }
}
