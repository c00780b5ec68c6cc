import Dispatch
import Logging
import Synchronization

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
    ///   - isRepeatable: whether it may be done again on another connection when the first one is lost. Default: `false`.
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

/// An answer that is given once, by whoever comes first: a thread, or the deadline.
final class PostgresAnswer<Value: Sendable>: Sendable {
    typealias Given = Result<Value, PostgresFailure>

    private enum State {
        case open
        case awaited(CheckedContinuation<Given, Never>)
        case given(Given)
    }

    private let state = Mutex(State.open)

    var isGiven: Bool {
        self.state.withLock { if case .given = $0 { true } else { false } }
    }

    func give(_ answer: Given) {
        let waiting = self.state.withLock { state -> CheckedContinuation<Given, Never>? in
            switch state {
            case .open:
                state = .given(answer)
                return nil
            case .awaited(let continuation):
                state = .given(answer)
                return continuation
            case .given:
                return nil
            }
        }
        waiting?.resume(returning: answer)
    }

    func value() async -> Given {
        await withCheckedContinuation { continuation in
            let given = self.state.withLock { state -> Given? in
                if case .given(let answer) = state { return answer }
                state = .awaited(continuation)
                return nil
            }
            if let given { continuation.resume(returning: given) }
        }
    }
}
