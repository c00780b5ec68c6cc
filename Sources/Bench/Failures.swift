import NIOCore

/// What went wrong in a round of many steps.
struct Failures: Sendable {
    var count = 0
    /// The reason of the first.
    var first = ""

    /// - Throws: `BenchError` when something did.
    func require(_ what: String) throws {
        guard self.count == 0 else { throw BenchError("\(what): \(self.count) failed, the first with: \(self.first)") }
    }

    static func + (left: Self, right: Self) -> Self {
        Self(count: left.count + right.count, first: left.first.isEmpty ? right.first : left.first)
    }
}

/// Steps of which a fixed number is under way at a time. Confined to its event loop.
final class Rounds {
    private var rest: Range<Int>
    private var running = 0
    private var failures = Failures()
    private let step: (Int) -> EventLoopFuture<Void>
    private let done: EventLoopPromise<Failures>

    init(_ range: Range<Int>, step: @escaping (Int) -> EventLoopFuture<Void>, done: EventLoopPromise<Failures>) {
        self.rest = range
        self.step = step
        self.done = done
    }

    func begin(window: Int) {
        for _ in 0..<window { self.next() }
        if self.running == 0 { self.done.succeed(self.failures) }
    }

    private func next() {
        guard let number = self.rest.popFirst() else { return }
        self.running += 1
        self.step(number).assumeIsolated().whenComplete { result in
            self.running -= 1
            if case .failure(let error) = result {
                self.failures = self.failures + Failures(count: 1, first: "\(error)")
            }
            self.next()
            if self.running == 0, self.rest.isEmpty { self.done.succeed(self.failures) }
        }
    }
}
