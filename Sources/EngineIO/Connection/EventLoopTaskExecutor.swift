import NIOCore

/// Runs the parts of tasks that no actor asks for on one event loop.
///
/// Without it a task that waited for a continuation goes on by way of a thread of Swift's own, also where it is an
/// event loop that resumes it and an event loop that it goes on with: two threads are woken for nothing.
final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            // As the event loop's own executor too: what is isolated to it goes on without another turn of the loop.
            let executor = self.eventLoop.executor.asUnownedSerialExecutor()
            job.runSynchronously(isolatedTo: executor, taskExecutor: self.asUnownedTaskExecutor())
        }
    }
}
