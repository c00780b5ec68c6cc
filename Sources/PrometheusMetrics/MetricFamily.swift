/// All series of one name. They are of one kind, and of one set of buckets.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    enum Series: Sendable {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
        /// Asked for its value at every exposition.
        case sampled(@Sendable () -> Double?)
    }

    /// The name in the exposition, with its suffix.
    let name: String
    let kind: Kind
    /// The upper bounds of a histogram's buckets; empty for the other kinds.
    let bounds: [Double]
    var series: [SeriesLabels: Series] = [:]

    /// Every name that the family writes; no other family may write one of them.
    static func exposedNames(_ name: String, _ kind: Kind) -> [String] {
        kind == .histogram ? [name, name + "_bucket", name + "_sum", name + "_count"] : [name]
    }
}
