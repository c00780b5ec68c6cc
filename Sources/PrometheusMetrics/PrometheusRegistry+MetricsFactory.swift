public import CoreMetrics
import Synchronization

extension PrometheusRegistry {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.counter(label, dimensions)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.counter(label, dimensions)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.gauge(label, dimensions)
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? self.histogram(.recorder, label, dimensions) : self.gauge(label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.histogram(.timer, label, dimensions)
    }

    public func destroyCounter(_ handler: any CounterHandler) { self.forget(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.forget(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { self.forget(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { self.forget(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { self.forget(handler) }

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
        let key = HandlerKey(kind: .counter, label: label, dimensions: dimensions)
        return self.state.withLock { state in
            if case .counter(let series)? = state.handlers[key] { return series }
            let name = MetricName.suffixed(MetricName.sanitized(label), "_total")
            let labels = SeriesLabels(dimensions, reserved: nil)
            let found = self.series(&state, name, .counter, [], labels) { _ in .counter(CounterSeries()) }
            guard let found else { return CounterSeries() }
            guard case .counter(let series) = found else {
                self.refusedForType.increment(by: Int64(1))
                return CounterSeries()
            }
            self.remember(&state, key, .counter(series))
            return series
        }
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        let key = HandlerKey(kind: .gauge, label: label, dimensions: dimensions)
        return self.state.withLock { state in
            if case .gauge(let series)? = state.handlers[key] { return series }
            let labels = SeriesLabels(dimensions, reserved: nil)
            let found = self.series(&state, MetricName.sanitized(label), .gauge, [], labels) { _ in
                .gauge(GaugeSeries())
            }
            guard let found else { return GaugeSeries() }
            guard case .gauge(let series) = found else {
                self.refusedForType.increment(by: Int64(1))
                return GaugeSeries()
            }
            self.remember(&state, key, .gauge(series))
            return series
        }
    }

    private func histogram(
        _ kind: HandlerKind, _ label: String, _ dimensions: [(String, String)]
    ) -> HistogramSeries {
        let key = HandlerKey(kind: kind, label: label, dimensions: dimensions)
        return self.state.withLock { state in
            if case .histogram(let series)? = state.handlers[key] { return series }
            let base = MetricName.sanitized(label)
            let name = kind == .timer ? MetricName.suffixed(base, "_seconds") : base
            let bounds = Self.bounds(
                (state.descriptions[name] ?? state.descriptions[base])?.buckets
                    ?? (kind == .timer ? self.configuration.timerBuckets : self.configuration.recorderBuckets))
            let labels = SeriesLabels(dimensions, reserved: "le")
            let found = self.series(&state, name, .histogram, bounds, labels) { family in
                .histogram(HistogramSeries(bounds: family.bounds))
            }
            guard case .histogram(let series)? = found else { return HistogramSeries(bounds: []) }
            self.remember(&state, key, .histogram(series))
            return series
        }
    }

    /// Ascending, each once, finite: what Prometheus takes.
    private static func bounds(_ buckets: [Double]) -> [Double] {
        Set(buckets.filter(\.isFinite)).sorted()
    }

    private func remember(_ state: inout State, _ key: HandlerKey, _ handler: Handler) {
        // Dimensions in another order make another key of the same series; what does not fit is found the long way.
        guard state.handlers.count < 2 * self.configuration.maximumSeries else { return }
        state.handlers[key] = handler
    }

    private func forget(_ handler: AnyObject) {
        self.state.withLock { state in
            state.handlers = state.handlers.filter { $0.value.object !== handler }
            for (name, family) in state.families {
                guard let labels = family.series.first(where: { $0.value.object === handler })?.key else { continue }
                state.families[name]?.series[labels] = nil
                state.seriesCount -= 1
                if family.series.count == 1 {
                    state.families[name] = nil
                    for exposed in MetricFamily.exposedNames(name, family.kind) { state.exposedNames[exposed] = nil }
                }
                return
            }
        }
    }
}

extension PrometheusRegistry.Handler {
    fileprivate var object: AnyObject {
        switch self {
        case .counter(let series): series
        case .gauge(let series): series
        case .histogram(let series): series
        }
    }
}

extension MetricFamily.Series {
    fileprivate var object: AnyObject? {
        switch self {
        case .counter(let series): series
        case .gauge(let series): series
        case .histogram(let series): series
        case .sampled: nil
        }
    }
}
