import CoreMetrics
import Synchronization

/// One series that only grows, until the process or ``reset()`` starts it anew.
///
/// Whole and fractional increments go to two cells, so that the usual increment is one atomic addition. Negative
/// amounts and those that are not finite are ignored: a counter never goes down.
final class CounterSeries: CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    private let fractional = AtomicDouble()

    var value: Double {
        Double(self.whole.load(ordering: .relaxed)) + self.fractional.value
    }

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        self.whole.wrappingAdd(amount, ordering: .relaxed)
    }

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.fractional.add(amount)
    }

    func reset() {
        self.whole.store(0, ordering: .relaxed)
        self.fractional.set(0)
    }
}
