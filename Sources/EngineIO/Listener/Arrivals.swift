import DequeModule
import NIOCore

/// The connections of an event loop that have not said anything yet, in the order in which they came: one that says
/// nothing for too long is closed. Confined to its event loop.
///
/// All wait equally long, so a queue does, and one timer for all of them: nearly every connection speaks at once.
final class Arrivals {
    private let eventLoop: any EventLoop
    private let patience: TimeAmount
    private var silent: [UInt64: any Channel] = [:]
    private var deadlines = Deque<(number: UInt64, time: NIODeadline)>()
    private var last: UInt64 = 0
    private var isTimed = false

    init(_ eventLoop: any EventLoop, patience: Duration) {
        self.eventLoop = eventLoop
        self.patience = .nanoseconds(patience.wholeMilliseconds * 1_000_000)
    }

    /// - Returns: What to say with ``spoke(_:)``.
    func add(_ channel: any Channel) -> UInt64 {
        last += 1
        silent[last] = channel
        deadlines.append((last, eventLoop.now + patience))
        schedule()
        return last
    }

    /// The connection has said something, or is gone.
    func spoke(_ number: UInt64) {
        silent.removeValue(forKey: number)
        while let first = deadlines.first, silent[first.number] == nil { deadlines.removeFirst() }
        // Behind one that is silent there are others that were not.
        if deadlines.count > 2 * silent.count + 64 { deadlines.removeAll { silent[$0.number] == nil } }
    }

    private func schedule() {
        guard !isTimed, let first = deadlines.first else { return }
        isTimed = true
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(deadline: first.time) { bound.value.tick() }
    }

    private func tick() {
        isTimed = false
        let now = eventLoop.now
        while let first = deadlines.first, first.time <= now {
            deadlines.removeFirst()
            silent.removeValue(forKey: first.number)?.close(promise: nil)
        }
        schedule()
    }
}
