import Dispatch
import FoundationEssentials
import Synchronization

/// The few threads that hash passwords, so that neither an event loop nor Swift's own threads ever do.
///
/// At most as many hashes run at once as there are threads, at most a given number wait, and what comes on top of that
/// fails at once. Threads are started when they are first needed, run at a lower priority than the rest of the
/// process, and end with the pool.
public final class HashingPool: Sendable {
    /// What the pool does now, and what it did so far.
    public struct Statistics: Sendable, Equatable {
        /// Hashes that wait for a thread.
        public var waiting = 0
        /// Hashes being computed.
        public var running = 0
        public var completed = 0
        /// Refused because too many waited.
        public var refused = 0
    }

    private struct Job: Sendable {
        let id: UInt64
        /// Does the work, and returns how to tell.
        let run: @Sendable () -> @Sendable () -> Void
        let fail: @Sendable (AccountsError) -> Void
    }

    private struct State: Sendable {
        var jobs: [Job] = []
        var nextID: UInt64 = 0
        var threads = 0
        var statistics = Statistics()
        var isClosed = false
    }

    /// What the threads hold; they do not hold the pool, so that it can end.
    private final class Workshop: Sendable {
        let state = Mutex(State())
        let jobReady = DispatchSemaphore(value: 0)

        func work() {
            while true {
                // Its memory is kept as long as there is work, and no longer.
                if self.jobReady.wait(timeout: .now()) == .timedOut {
                    HashMemory.release()
                    self.jobReady.wait()
                }
                let (job, isClosed) = self.state.withLock { state -> (Job?, Bool) in
                    // A job that was cancelled leaves its signal behind.
                    guard !state.jobs.isEmpty else { return (nil, state.isClosed) }
                    state.statistics.running += 1
                    return (state.jobs.removeFirst(), false)
                }
                if isClosed { return }
                guard let job else { continue }
                let tell = job.run()
                self.state.withLock {
                    $0.statistics.running -= 1
                    $0.statistics.completed += 1
                }
                tell()
            }
        }
    }

    private let workshop = Workshop()
    private let threads: Int
    private let maximumWaiting: Int

    /// - Parameters:
    ///   - threads: how many hashes are computed at once, at least 1. Default: as many as this process has cores.
    ///   - maximumWaiting: how many more may wait, 0 or more. Default: 64.
    public init(threads: Int? = nil, maximumWaiting: Int = 64) {
        self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        self.maximumWaiting = max(0, maximumWaiting)
    }

    deinit {
        let threads = self.workshop.state.withLock { state in
            state.isClosed = true
            return state.threads
        }
        for _ in 0..<threads { self.workshop.jobReady.signal() }
    }

    public var statistics: Statistics {
        self.workshop.state.withLock { state in
            var statistics = state.statistics
            statistics.waiting = state.jobs.count
            return statistics
        }
    }

    /// Runs `work` on one of the threads.
    ///
    /// - Throws: `unavailable` at once when too many wait, and when the calling task is cancelled before the work
    ///   began; else what `work` throws.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(AccountsError) -> Value
    ) async throws(AccountsError) -> Value {
        let id = self.workshop.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, AccountsError>, Never>) in
                if Task.isCancelled { return continuation.resume(returning: .failure(Self.cancelled)) }
                let job = Job(
                    id: id,
                    run: {
                        let result: Result<Value, AccountsError>
                        do throws(AccountsError) { result = .success(try work()) } catch { result = .failure(error) }
                        return { continuation.resume(returning: result) }
                    },
                    fail: { continuation.resume(returning: .failure($0)) })
                self.submit(job)
            }
        } onCancel: {
            self.cancel(id)
        }
        return try result.get()
    }

    private func submit(_ job: Job) {
        enum Outcome { case refused, queued, queuedForNewThread }
        let outcome = self.workshop.state.withLock { state -> Outcome in
            let busy = state.statistics.running + state.jobs.count
            guard busy < self.threads + self.maximumWaiting else {
                state.statistics.refused += 1
                return .refused
            }
            state.jobs.append(job)
            guard state.threads < self.threads, state.threads <= busy else { return .queued }
            state.threads += 1
            return .queuedForNewThread
        }
        switch outcome {
        case .refused:
            job.fail(AccountsError(.unavailable, "too many passwords wait to be checked; try again in a second"))
        case .queued:
            self.workshop.jobReady.signal()
        case .queuedForNewThread:
            self.workshop.jobReady.signal()
            let workshop = self.workshop
            // Sockets come before logins.
            if !WorkerThread.start(niceness: 10, { HashMemory.keeping { workshop.work() } }) { self.threadFailed() }
        }
    }

    private func cancel(_ id: UInt64) {
        let job = self.workshop.state.withLock { state -> Job? in
            guard let index = state.jobs.firstIndex(where: { $0.id == id }) else { return nil }
            return state.jobs.remove(at: index)
        }
        job?.fail(Self.cancelled)
    }

    /// Other threads take over; without any, nobody would ever come for what waits.
    private func threadFailed() {
        let stranded = self.workshop.state.withLock { state -> [Job] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in stranded {
            job.fail(AccountsError(.unavailable, "no thread to hash a password on; try again later"))
        }
    }

    private static var cancelled: AccountsError {
        AccountsError(
            .unavailable, "the request was cancelled before its password was checked", underlying: CancellationError())
    }
}
