import Glibc

/// A thread of its own for work that blocks: neither an event loop nor Swift's own threads ever wait for it.
enum WorkerThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Starts a thread that ends when `run` returns.
    ///
    /// - Parameter niceness: added to the process's own: 0 is as important as the rest of it, 19 the least.
    /// - Returns: whether there is such a thread.
    static func start(niceness: CInt = 0, _ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let body = Body {
            // On Linux this is the calling thread alone. It may fail, and then does no harm.
            if niceness != 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
            run()
        }
        let argument = Unmanaged.passRetained(body)
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                pthread_detach(pthread_self())
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard result == 0 else {
            argument.release()
            return false
        }
        return true
    }
}
