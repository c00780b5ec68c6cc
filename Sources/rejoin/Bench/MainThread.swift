import Dispatch
import Synchronization

/// The thread that started the program, where children are started: their lives are tied to it.
enum MainThread {
    /// Runs asynchronous work elsewhere, and waits here for its end.
    ///
    /// - Parameter tick: Called here every 200 ms meanwhile.
    static func wait<T: Sendable>(
        _ work: @escaping @Sendable () async throws -> T, tick: () -> Void = {}
    ) throws -> T {
        let outcome = Outcome<T>()
        Task {
            do {
                let value = try await work()
                outcome.result.withLock { $0 = .success(value) }
            } catch {
                outcome.result.withLock { $0 = .failure(error) }
            }
            outcome.semaphore.signal()
        }
        while outcome.semaphore.wait(timeout: .now() + .milliseconds(200)) == .timedOut { tick() }
        guard let result = outcome.result.withLock({ $0 }) else { throw Failure("the work ended without an outcome") }
        return try result.get()
    }

    private final class Outcome<T: Sendable>: Sendable {
        let semaphore = DispatchSemaphore(value: 0)
        let result = Mutex<Result<T, any Error>?>(nil)
    }
}
