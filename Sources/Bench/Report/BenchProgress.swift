import Synchronization

/// What a benchmark does now and how far it is, for whoever shows it. From any thread.
public final class BenchProgress: Sendable {
    /// One part of a run.
    private struct Phase {
        var name: String
        /// How many steps it has; nil: they are not counted.
        var total: Int?
        /// How long it takes, where that is known before.
        var duration: Duration?
        var begin: ContinuousClock.Instant
    }

    private let phase = Mutex<Phase?>(nil)
    private let count = Atomic<Int>(0)
    private let phaseBegan: @Sendable (String) -> Void
    private let noted: @Sendable (String) -> Void

    /// - Parameters:
    ///   - phaseBegan: Told the name of each part as it begins.
    ///   - noted: Told a line that is worth keeping.
    public init(
        phaseBegan: @escaping @Sendable (String) -> Void, noted: @escaping @Sendable (String) -> Void
    ) {
        self.phaseBegan = phaseBegan
        self.noted = noted
    }

    /// A part begins, of so many steps when `total` is given, for so long when `duration` is.
    public func begin(_ name: String, total: Int? = nil, for duration: Duration? = nil) {
        self.phase.withLock { $0 = Phase(name: name, total: total, duration: duration, begin: .now) }
        self.count.store(0, ordering: .relaxed)
        self.phaseBegan(name)
    }

    /// A step of the part is done.
    func advance() {
        self.count.add(1, ordering: .relaxed)
    }

    /// How many steps of the part are done.
    var done: Int { self.count.load(ordering: .relaxed) }

    func note(_ line: String) {
        self.noted(line)
    }

    /// What goes on in one line: the part, how much of it is done, how long it will take. Nil before the first part.
    public func line(now: ContinuousClock.Instant = .now) -> String? {
        guard let phase = self.phase.withLock({ $0 }) else { return nil }
        let elapsed = now - phase.begin
        let passed = Int(elapsed / .seconds(1))
        if let duration = phase.duration {
            let left = max(.zero, duration - elapsed)
            return "\(phase.name): \(passed) s, \(Int((left / .seconds(1)).rounded(.up))) s left"
        }
        guard let total = phase.total, total > 0 else { return "\(phase.name): \(passed) s" }
        let done = min(self.done, total)
        // Of the first few steps nothing can be concluded.
        guard done >= 10, done < total else { return "\(phase.name): \(done) of \(total)" }
        let left = elapsed / .seconds(1) * Double(total - done) / Double(done)
        return "\(phase.name): \(done) of \(total), \(Int(left.rounded(.up))) s left"
    }
}
