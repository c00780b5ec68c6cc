import Histogram
import NIOCore

/// How long things took, in microseconds from 1 µs to 10 min with three digits.
struct Latencies: Sendable {
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: .three)

    mutating func record(from begin: NIODeadline, to end: NIODeadline) {
        self.record(nanoseconds: (end - begin).nanoseconds)
    }

    mutating func record(nanoseconds: Int64) {
        let microseconds = min(max(nanoseconds / 1_000, 1), 600_000_000)
        self.histogram.record(UInt64(microseconds))
    }

    mutating func add(_ other: Self) {
        self.histogram.add(other.histogram)
    }

    var count: Int { Int(self.histogram.totalCount) }

    /// - Parameter percent: 0 to 100.
    func milliseconds(atPercentile percent: Double) -> Double {
        Double(self.histogram.valueAtPercentile(percent)) / 1_000
    }

    var maximumMilliseconds: Double { Double(self.histogram.maxRecorded) / 1_000 }

    /// Milliseconds by percentile, up to that which only one of all is above: 0, 50, 75, 87.5 … as far as they are known.
    var percentiles: [BenchReport.Point] {
        var points = [BenchReport.Point(x: 0, y: self.milliseconds(atPercentile: 0))]
        var rest = 100.0
        while rest > 100 / Double(self.count) {
            // Eight steps each time the rest is halved.
            rest *= 0.917
            points.append(BenchReport.Point(x: 100 - rest, y: self.milliseconds(atPercentile: 100 - rest)))
        }
        return points
    }
}

extension BenchReport {
    /// The median, the 99th percentile and the maximum; nothing when nothing was recorded.
    mutating func add(_ key: String, _ latencies: Latencies) {
        guard latencies.count > 0 else { return }
        self.add("\(key)_p50_ms", "\(key) p50, ms", latencies.milliseconds(atPercentile: 50))
        self.add("\(key)_p99_ms", "\(key) p99, ms", latencies.milliseconds(atPercentile: 99))
        self.add("\(key)_max_ms", "\(key) max, ms", latencies.maximumMilliseconds)
        let name = key.split(separator: "_").joined(separator: " ")
        self.add(Curve(key: key, title: name, kind: .percentiles, points: latencies.percentiles))
    }
}
