package import NIOCore
import Synchronization

/// Runs actors and tasks on one event loop, so that a task that prefers it goes on there whatever it waited for.
///
/// Without a task's preference the parts of it that no actor asks for go by way of threads of Swift's own, also where an
/// event loop resumes them and an event loop goes on with them. And with the event loop's own executor for the actors,
/// which knows nothing of a preference, every return from an asynchronous function would be another turn of the loop.
package final class EventLoopExecutor: SerialExecutor, TaskExecutor {
    private struct Weak {
        weak var executor: EventLoopExecutor?
    }

    private static let known = Mutex<[ObjectIdentifier: Weak]>([:])

    private let eventLoop: any EventLoop

    /// The one of an event loop: actors that have it share their isolation.
    package static func of(_ eventLoop: any EventLoop) -> EventLoopExecutor {
        known.withLock { known in
            let id = ObjectIdentifier(eventLoop)
            if let executor = known[id]?.executor { return executor }
            known = known.filter { $0.value.executor != nil }
            let executor = EventLoopExecutor(eventLoop)
            known[id] = Weak(executor: executor)
            return executor
        }
    }

    private init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            job.runSynchronously(
                isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
        }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    package func checkIsolated() {
        eventLoop.preconditionInEventLoop()
    }
}
