import CoreMetrics

/// One series that goes up and down: a `Meter`, a `Gauge`, or a `Recorder` that does not aggregate.
final class GaugeSeries: MeterHandler, RecorderHandler {
    private let current = AtomicDouble()

    var value: Double { self.current.value }

    func set(_ value: Int64) { self.current.set(Double(value)) }
    func set(_ value: Double) { self.current.set(value) }
    func increment(by amount: Double) { self.add(amount) }
    func decrement(by amount: Double) { self.add(-amount) }
    func record(_ value: Int64) { self.current.set(Double(value)) }
    func record(_ value: Double) { self.current.set(value) }

    private func add(_ amount: Double) {
        // Infinity and NaN could never be taken back.
        guard amount.isFinite else { return }
        self.current.add(amount)
    }
}
