import NIOCore

/// Begins something at a rate, whatever comes of it: each at the time that is meant for it, or at once when that is over.
/// Confined to its event loop.
final class Pace {
    /// How many began over 10 ms after they should have.
    private(set) var late = 0
    private let eventLoop: any EventLoop
    private let first: NIODeadline
    private let interval: Double
    private var count = 0
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - perSecond: More than 0.
    ///   - first: When the first is meant to begin.
    init(_ eventLoop: any EventLoop, perSecond: Double, first: NIODeadline) {
        self.eventLoop = eventLoop
        self.interval = 1_000_000_000 / perSecond
        self.first = first
    }

    /// Calls the closure with the time that is meant, until it says that there is no more.
    func begin(_ step: @escaping (NIODeadline) -> Bool) {
        while true {
            let now = NIODeadline.now()
            let intended = self.first + .nanoseconds(Int64(Double(self.count) * self.interval))
            guard intended <= now else {
                self.timer = self.eventLoop.assumeIsolated().scheduleTask(deadline: intended) { self.begin(step) }
                return
            }
            guard step(intended) else { return }
            self.count += 1
            if now - intended > .milliseconds(10) { self.late += 1 }
        }
    }

    func cancel() {
        self.timer?.cancel()
    }
}
