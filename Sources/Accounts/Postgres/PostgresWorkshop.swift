import Dispatch
import Logging
import Synchronization

/// What the threads of a ``PostgresPool`` hold; they do not hold the pool, so that it can end.
final class PostgresWorkshop: Sendable {
    /// A call on its way to a connection.
    struct Job: Sendable {
        final class ID: Sendable {}

        let id = ID()
        let deadline: ContinuousClock.Instant
        let isRepeatable: Bool
        let isOver: @Sendable () -> Bool
        /// Does the work and gives the answer, or returns why there is none.
        let run: @Sendable (PostgresConnection) -> PostgresFailure?
        let fail: @Sendable (PostgresFailure) -> Void
    }

    private enum Step {
        case serve(Job, PostgresConnection)
        case connect(Job)
        case refuse(Job, PostgresFailure)
    }

    private struct State: Sendable {
        var jobs: [Job] = []
        /// Connections without work; the last one was used last.
        var idle: [PostgresConnection] = []
        var busy = 0
        var connecting = 0
        var threads = 0
        /// Attempts to connect that failed, since the last one that did not.
        var failures = 0
        var retry = ContinuousClock.now
        var lastFailure: PostgresFailure?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let jobReady = DispatchSemaphore(value: 0)
    private let configuration: PostgresConfiguration
    private let session: PostgresSession
    private let logger: Logger

    init(_ configuration: PostgresConfiguration, session: PostgresSession, logger: Logger) {
        self.configuration = configuration
        self.session = session
        self.logger = logger
    }

    /// Queues a job, or fails it at once.
    func submit(_ job: Job) {
        let (isRefused, needsThread) = self.state.withLock { state -> (Bool, Bool) in
            guard state.jobs.count < max(0, self.configuration.maximumWaiting) else { return (true, false) }
            state.jobs.append(job)
            let wanted = state.jobs.count + state.busy + state.connecting
            guard state.threads < max(1, self.configuration.connections), state.threads < wanted else {
                return (false, false)
            }
            state.threads += 1
            return (false, true)
        }
        guard !isRefused else {
            return job.fail(PostgresFailure(.turnedAway, "too many calls wait for it"))
        }
        self.jobReady.signal()
        if needsThread, !WorkerThread.start({ self.work() }) { self.threadFailed() }
    }

    /// Takes a job that waits out of the queue. Returns whether it was there.
    @discardableResult
    func withdraw(_ id: Job.ID) -> Bool {
        self.state.withLock { state in
            guard let index = state.jobs.firstIndex(where: { $0.id === id }) else { return false }
            state.jobs.remove(at: index)
            return true
        }
    }

    /// Ends the threads and their connections. There are no jobs any more.
    func close() {
        let threads = self.state.withLock { state in
            state.isClosed = true
            return state.threads
        }
        for _ in 0..<threads { self.jobReady.signal() }
    }

    private func work() {
        while true {
            self.jobReady.wait()
            // Whoever gave a connection back looks for the next job before it sleeps.
            while let step = self.nextStep() { self.take(step) }
            let (isClosed, leftOver) = self.state.withLock { state -> (Bool, [PostgresConnection]) in
                guard state.isClosed else { return (false, []) }
                defer { state.idle = [] }
                return (true, state.idle)
            }
            // Closing them says goodbye to the server: not under the lock.
            withExtendedLifetime(leftOver) {}
            if isClosed { return }
        }
    }

    /// The first job, and what can be done about it; `nil` when a connection that is busy will come back for it.
    private func nextStep() -> Step? {
        self.state.withLock { state in
            while let job = state.jobs.first {
                if job.isOver() {
                    state.jobs.removeFirst()
                } else if let connection = state.idle.popLast() {
                    state.busy += 1
                    return .serve(state.jobs.removeFirst(), connection)
                } else if state.failures == 0 || (state.connecting == 0 && .now >= state.retry) {
                    state.connecting += 1
                    return .connect(state.jobs.removeFirst())
                } else if state.busy == 0, let failure = state.lastFailure {
                    return .refuse(state.jobs.removeFirst(), failure)
                } else {
                    return nil
                }
            }
            return nil
        }
    }

    private func take(_ step: Step) {
        switch step {
        case .serve(let job, let connection):
            guard connection.isUsable else {
                self.state.withLock { state in
                    state.busy -= 1
                    state.jobs.insert(job, at: 0)
                }
                return
            }
            self.run(job, on: connection, isNew: false)
        case .connect(let job):
            self.connect(for: job)
        case .refuse(let job, let failure):
            job.fail(failure)
        }
    }

    private func connect(for job: Job) {
        let connection: PostgresConnection
        do throws(PostgresFailure) {
            connection = try self.session.connect(self.configuration.address)
        } catch {
            return self.connectingFailed(job, error)
        }
        let failures = self.state.withLock { state in
            state.connecting -= 1
            state.busy += 1
            defer { (state.failures, state.lastFailure) = (0, nil) }
            return state.failures
        }
        if failures > 0 {
            self.logger.notice("accounts database is back", metadata: ["attempts": "\(failures + 1)"])
        }
        self.run(job, on: connection, isNew: true)
    }

    private func connectingFailed(_ job: Job, _ failure: PostgresFailure) {
        let (failures, mayWait) = self.state.withLock { state -> (Int, Bool) in
            state.connecting -= 1
            state.failures += 1
            let wait = Duration.milliseconds(50) * (1 << min(state.failures - 1, 6))
            state.retry = .now + min(wait, .seconds(2)) * Double.random(in: 0.5...1)
            state.lastFailure = failure
            // With other connections at work this one was one too many, perhaps: they take the job.
            guard state.busy > 0 else { return (state.failures, false) }
            state.jobs.insert(job, at: 0)
            return (state.failures, true)
        }
        // What must be mended is an error of every call, and told there.
        if failures == 1, !failure.needsMending {
            self.logger.warning("accounts database cannot be reached", metadata: ["error": "\(failure)"])
        }
        if !mayWait { job.fail(failure) }
    }

    private func run(_ job: Job, on connection: PostgresConnection, isNew: Bool) {
        connection.deadline = job.deadline
        let failure = job.isOver() ? nil : job.run(connection)
        let isSpoiled = failure?.spoilsConnection == true || !connection.isUsable
        let repeats = failure?.kind == .lost && job.isRepeatable && !isNew
        self.state.withLock { state in
            state.busy -= 1
            if !isSpoiled { state.idle.append(connection) }
            if repeats { state.jobs.insert(job, at: 0) }
        }
        if let failure, !repeats { job.fail(failure) }
    }

    /// Other threads take over; without any, nobody would ever come for what waits.
    private func threadFailed() {
        let stranded = self.state.withLock { state -> [Job] in
            state.threads -= 1
            guard state.threads == 0 else { return [] }
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in stranded { job.fail(PostgresFailure(.turnedAway, "no thread to ask it on")) }
    }
}
