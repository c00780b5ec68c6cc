public import CoreMetrics
import Synchronization

/// The metrics of this process, kept for Prometheus to fetch: a backend of swift-metrics.
///
/// A metric's label becomes its name, with every character that Prometheus does not take turned into `_`. Counters
/// end in `_total`, timers in `_seconds`; recorders and timers are histograms, gauges and meters are gauges. Two
/// metrics of one label and the same dimensions, in any order, are one series. A metric whose name is already taken
/// by another kind, and one above the limit of series, works but is shown nowhere; how many there were is told by
/// `metrics_series_refused_total`.
///
/// Recording takes no lock. Any thread may call anything.
public final class PrometheusRegistry: MetricsFactory {
    /// The value of the `Content-Type` header for ``exposition()`` (text format 0.0.4).
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    struct Description: Sendable {
        var help: String
        var buckets: [Double]?
    }

    struct State: Sendable {
        /// By name.
        var families: [String: MetricFamily] = [:]
        /// Which family writes a name.
        var exposedNames: [String: String] = [:]
        var descriptions: [String: Description] = [:]
        /// What was asked for before, word by word: the short way for metrics that are made at every use.
        var handlers: [HandlerKey: Handler] = [:]
        var seriesCount = 0
    }

    /// What swift-metrics asked for.
    enum HandlerKind: Hashable, Sendable {
        case counter
        case gauge
        case recorder
        case timer
    }

    enum Handler: Sendable {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)
    }

    struct HandlerKey: Hashable, Sendable {
        let kind: HandlerKind
        let label: String
        let dimensions: [(String, String)]

        static func == (left: Self, right: Self) -> Bool {
            left.kind == right.kind && left.label == right.label
                && left.dimensions.elementsEqual(right.dimensions, by: ==)
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(self.kind)
            hasher.combine(self.label)
            for (name, value) in self.dimensions {
                hasher.combine(name)
                hasher.combine(value)
            }
        }
    }

    let configuration: Configuration
    let state: Mutex<State>
    let refusedForLimit = CounterSeries()
    let refusedForType = CounterSeries()

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.state = Mutex(State())
        self.state.withLock { state in
            let name = "metrics_series_refused_total"
            state.families[name] = MetricFamily(
                name: name, kind: .counter, bounds: [],
                series: [
                    SeriesLabels([("reason", "limit")], reserved: nil): .counter(self.refusedForLimit),
                    SeriesLabels([("reason", "type")], reserved: nil): .counter(self.refusedForType),
                ])
            state.exposedNames[name] = name
            state.descriptions[name] = Description(
                help: "Metrics that are not shown: too many series, or a name that is taken.")
        }
    }

    /// Gives a metric its help text, and a histogram its buckets.
    ///
    /// - Parameters:
    ///   - name: the metric's label, or its name in the exposition.
    ///   - help: what the metric says, in one line.
    ///   - buckets: upper bounds, for a timer in seconds; they count for a name that no metric has yet.
    ///     Default: those of the configuration.
    public func describe(name: String, help: String, buckets: [Double]? = nil) {
        self.state.withLock {
            $0.descriptions[MetricName.sanitized(name)] = Description(help: help, buckets: buckets)
        }
    }

    /// Adds a series whose value is asked for at every exposition. One that is already there is replaced.
    ///
    /// - Parameters:
    ///   - name: the name; a counter's gets the suffix `_total`.
    ///   - help: what the metric says, in one line.
    ///   - kind: what the value is. Default: a gauge.
    ///   - dimensions: the labels.
    ///   - value: called on the thread that asks for the exposition, outside of every lock; must not block. A series
    ///     whose value is `nil` is left out.
    public func sample(
        _ name: String,
        _ help: String,
        kind: SampleKind = .gauge,
        dimensions: [(String, String)] = [],
        value: @escaping @Sendable () -> Double?
    ) {
        var name = MetricName.sanitized(name)
        if kind == .counter { name = MetricName.suffixed(name, "_total") }
        let labels = SeriesLabels(dimensions, reserved: nil)
        self.state.withLock { state in
            state.descriptions[name] = Description(help: help)
            if let family = state.families[name], case .sampled? = family.series[labels] {
                state.families[name]?.series[labels] = .sampled(value)
                return
            }
            let familyKind: MetricFamily.Kind = kind == .counter ? .counter : .gauge
            let found = self.series(&state, name, familyKind, [], labels) { _ in .sampled(value) }
            if let found, case .sampled = found { return }
            if found != nil { self.refusedForType.increment(by: Int64(1)) }
        }
    }

    /// Finds or makes a series. `nil` when it may not be: that was counted.
    func series(
        _ state: inout State, _ name: String, _ kind: MetricFamily.Kind, _ bounds: [Double], _ labels: SeriesLabels,
        make: (MetricFamily) -> MetricFamily.Series
    ) -> MetricFamily.Series? {
        var family: MetricFamily
        if let existing = state.families[name] {
            guard existing.kind == kind else {
                self.refusedForType.increment(by: Int64(1))
                return nil
            }
            if let series = existing.series[labels] { return series }
            family = existing
        } else {
            guard !MetricFamily.exposedNames(name, kind).contains(where: { state.exposedNames[$0] != nil }) else {
                self.refusedForType.increment(by: Int64(1))
                return nil
            }
            family = MetricFamily(name: name, kind: kind, bounds: bounds)
        }
        guard state.seriesCount < self.configuration.maximumSeries else {
            self.refusedForLimit.increment(by: Int64(1))
            return nil
        }
        let series = make(family)
        // The dictionary lets go of its copy first: otherwise adding a series would copy all others.
        state.families[name] = nil
        family.series[labels] = series
        state.families[name] = family
        for exposed in MetricFamily.exposedNames(name, kind) { state.exposedNames[exposed] = name }
        state.seriesCount += 1
        return series
    }
}
