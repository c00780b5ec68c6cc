import NIOCore
import NIOPosix
import ServiceLifecycle

/// Runs a service's tasks on event loops instead of Swift's own threads: a task goes on where it is woken, so that the
/// work of a connection stays on that connection's event loop and no thread has to be woken for it.
struct EventLoopTasks<Wrapped: Service>: Service {
    private let service: Wrapped
    private let executor: EventLoopTaskExecutor

    init(_ service: Wrapped, on group: any EventLoopGroup) {
        self.service = service
        self.executor = EventLoopTaskExecutor(group)
    }

    func run() async throws {
        try await withTaskExecutorPreference(executor) { try await service.run() }
    }
}

/// Runs a job on the event loop of the thread that enqueues it; what comes from elsewhere goes to the next one.
private final class EventLoopTaskExecutor: TaskExecutor {
    private let group: any EventLoopGroup

    init(_ group: any EventLoopGroup) {
        self.group = group
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop ?? group.next()
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
