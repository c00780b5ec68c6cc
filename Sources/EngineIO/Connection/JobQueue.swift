import DequeModule

/// The jobs of a shard that have not begun, in order. Confined to its event loop.
///
/// Its reader waits on the event loop itself: with an `AsyncStream` every job would pass through a thread of Swift's own.
final class JobQueue {
    /// More than a loop begins in one turn means that it does nothing else; what comes then is turned away.
    private static let limit = 65_536

    private var jobs: Deque<EngineShard.Job> = []
    private var reader: UnsafeContinuation<Void, Never>?
    private var isFinished = false

    /// - Returns: Whether it was taken; `false` when the queue is full or finished.
    func add(_ job: @escaping EngineShard.Job) -> Bool {
        guard !isFinished, jobs.count < Self.limit else { return false }
        jobs.append(job)
        wake()
        return true
    }

    /// Takes no more; what is in the queue is still handed out.
    func finish() {
        isFinished = true
        wake()
    }

    /// The next job, waiting for it; `nil` once all are handed out after ``finish()``. For one reader.
    func next() async -> EngineShard.Job? {
        while true {
            if let job = jobs.popFirst() { return job }
            if isFinished { return nil }
            await withUnsafeContinuation { continuation in
                reader = continuation
                // What came since it was looked at, if the loop had a turn in between.
                if !jobs.isEmpty || isFinished { wake() }
            }
        }
    }

    private func wake() {
        let reader = reader.take()
        reader?.resume()
    }
}
