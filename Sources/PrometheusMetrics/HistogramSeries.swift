import CoreMetrics
import Synchronization

/// One series of observations, counted in buckets: a `Recorder` that aggregates, or a `Timer`, in seconds.
///
/// `@unchecked Sendable`: the counts are atomics behind a pointer that never changes and that this object alone frees.
final class HistogramSeries: RecorderHandler, TimerHandler, @unchecked Sendable {
    /// The inclusive upper bounds of the buckets, ascending; the bucket above the last one has none.
    let bounds: [Double]
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let total = AtomicDouble()

    init(bounds: [Double]) {
        self.bounds = bounds
        self.counts = .allocate(capacity: bounds.count + 1)
        for index in 0...bounds.count {
            (self.counts + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        self.counts.deinitialize(count: self.bounds.count + 1)
        self.counts.deallocate()
    }

    /// How many observations each bucket alone has; one more than there are bounds.
    func bucketCounts() -> [UInt64] {
        (0...self.bounds.count).map { self.counts[$0].load(ordering: .relaxed) }
    }

    var sum: Double { self.total.value }

    func record(_ value: Int64) { self.observe(Double(value)) }
    func record(_ value: Double) { self.observe(value) }
    func recordNanoseconds(_ duration: Int64) { self.observe(Double(duration) / 1e9) }

    private func observe(_ value: Double) {
        // One observation that is not a number would make the sum useless for good.
        guard value.isFinite else { return }
        var index = 0
        while index < self.bounds.count, value > self.bounds[index] { index += 1 }
        self.counts[index].wrappingAdd(1, ordering: .relaxed)
        self.total.add(value)
    }
}
