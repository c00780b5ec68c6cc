import NIOCore

/// What came of many steps.
struct Outcome: Sendable {
    var failures = Failures()
    /// Of the steps that succeeded, from when each was meant to begin.
    var latency = Latencies()
    /// Steps that began over 10 ms after they should have: the generator was too slow.
    var late = 0

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.failures = left.failures + right.failures
        sum.latency.add(right.latency)
        sum.late += right.late
        return sum
    }
}

/// One step of many: its number, and when it was meant to begin.
typealias Step = (Int, NIODeadline) -> EventLoopFuture<Void>

/// Steps in their order, a fixed number of which is under way at a time, or which begin at a rate. Confined to its event
/// loop.
final class Rounds {
    private var rest: Range<Int>
    private var running = 0
    private var outcome = Outcome()
    private let step: Step
    private let done: EventLoopPromise<Outcome>
    private var pace: Pace?

    init(_ range: Range<Int>, step: @escaping Step, done: EventLoopPromise<Outcome>) {
        self.rest = range
        self.step = step
        self.done = done
    }

    func begin(inFlight: Int) {
        for _ in 0..<inFlight { self.next() }
        if self.running == 0 { self.done.succeed(self.outcome) }
    }

    /// - Parameter pace: It may begin as many steps as there are.
    func begin(_ pace: Pace) {
        guard !self.rest.isEmpty else { return self.done.succeed(self.outcome) }
        self.pace = pace
        pace.begin { intended in
            guard let number = self.rest.popFirst() else { return false }
            self.begin(number, intended)
            return true
        }
    }

    private func next() {
        guard let number = self.rest.popFirst() else { return }
        self.begin(number, .now())
    }

    private func begin(_ number: Int, _ intended: NIODeadline) {
        self.running += 1
        self.step(number, intended).assumeIsolated().whenComplete { result in
            self.running -= 1
            switch result {
            case .success: self.outcome.latency.record(from: intended, to: .now())
            case .failure(let error): self.outcome.failures.add(error)
            }
            if self.pace == nil { self.next() }
            guard self.running == 0, self.rest.isEmpty else { return }
            self.outcome.late = self.pace?.late ?? 0
            self.done.succeed(self.outcome)
        }
    }
}
