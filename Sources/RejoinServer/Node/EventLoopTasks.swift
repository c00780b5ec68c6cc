import NIOCore
import NIOPosix
import ServiceLifecycle

/// Runs a service's tasks on event loops instead of Swift's own threads: a task goes on where it is woken, so that what
/// is done for a connection stays on that connection's event loop, and no thread has to be woken for it.
struct EventLoopTasks<Wrapped: Service>: Service {
    private let service: Wrapped
    private let executor: CurrentEventLoopExecutor

    init(_ service: Wrapped, on group: MultiThreadedEventLoopGroup) {
        self.service = service
        self.executor = CurrentEventLoopExecutor(group)
    }

    func run() async throws {
        try await withTaskExecutorPreference(executor) { try await service.run() }
    }
}

/// Runs a job on the event loop of the thread that enqueues it; what comes from elsewhere goes to the next one.
private final class CurrentEventLoopExecutor: TaskExecutor {
    private let group: MultiThreadedEventLoopGroup
    private let eventLoops: [any EventLoop]

    init(_ group: MultiThreadedEventLoopGroup) {
        self.group = group
        self.eventLoops = Array(group.makeIterator())
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let current = MultiThreadedEventLoopGroup.currentEventLoop
        // One of another group may end before this one.
        let eventLoop = eventLoops.first { $0 === current } ?? group.next()
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
