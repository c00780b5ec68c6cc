import NIOCore
import SocketIO

/// The calls of a socket that wait for their acknowledgements, each with its own time. Confined to its event loop.
final class PendingCalls {
    private struct Call {
        let answer: EventLoopPromise<EventPayload>
        let timeout: Scheduled<Void>
    }

    private let eventLoop: any EventLoop
    private var calls: [Int: Call] = [:]

    init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// - Parameter timedOut: called when the time is over; the call is still pending then.
    func add(
        _ id: Int, _ answer: EventLoopPromise<EventPayload>, timeout: TimeAmount, timedOut: @escaping () -> Void
    ) {
        self.calls[id] = Call(
            answer: answer, timeout: self.eventLoop.assumeIsolated().scheduleTask(in: timeout, timedOut))
    }

    /// Nothing happens where nobody waits, or not any more.
    func answer(_ id: Int, _ arguments: EventPayload) {
        self.remove(id)?.succeed(arguments)
    }

    func fail(_ id: Int, _ error: any Error) {
        self.remove(id)?.fail(error)
    }

    func failAll(_ message: String) {
        for id in Array(self.calls.keys) { self.fail(id, SocketIOClientError(.closed, message)) }
    }

    private func remove(_ id: Int) -> EventLoopPromise<EventPayload>? {
        let call = self.calls.removeValue(forKey: id)
        call?.timeout.cancel()
        return call?.answer
    }
}
