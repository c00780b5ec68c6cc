import CoreMetrics
import PrometheusMetrics
import Testing

@Suite("PrometheusRegistry")
struct PrometheusRegistryTests {
    let registry = PrometheusRegistry()

    @Test("metrics of one label and the same dimensions are one series, whatever their order")
    func oneSeries() {
        Counter(label: "x", dimensions: [("a", "1"), ("b", "2")], factory: self.registry).increment()
        Counter(label: "x", dimensions: [("a", "1"), ("b", "2")], factory: self.registry).increment()
        Counter(label: "x", dimensions: [("b", "2"), ("a", "1")], factory: self.registry).increment()
        Counter(label: "x_total", dimensions: [("b", "2"), ("a", "1"), ("c", "")], factory: self.registry).increment()
        FloatingPointCounter(label: "x", dimensions: [("a", "1"), ("b", "2")], factory: self.registry)
            .increment(by: 0.5)
        #expect(self.registry.samples.filter { $0.hasPrefix("x") } == [#"x_total{a="1",b="2"} 4.5"#])
        let first = self.registry.makeCounter(label: "y", dimensions: [])
        #expect(first === self.registry.makeCounter(label: "y", dimensions: []))
    }

    @Test("a counter never goes down, and starts anew when it is reset")
    func counter() {
        let counter = Counter(label: "x", factory: self.registry)
        counter.increment(by: 5)
        counter.increment(by: -3)
        let fraction = FloatingPointCounter(label: "x", factory: self.registry)
        for amount in [-1, .nan, .infinity, 0.5] { fraction.increment(by: amount) }
        #expect(self.registry.samples.contains("x_total 5.5"))
        counter.reset()
        #expect(self.registry.samples.contains("x_total 0"))
    }

    @Test("what is not a number does not spoil a histogram or a meter")
    func notNumbers() {
        let recorder = Recorder(label: "r", factory: self.registry)
        for value in [Double.nan, .infinity, 3] { recorder.record(value) }
        let meter = Meter(label: "m", factory: self.registry)
        for amount in [Double.nan, .infinity, 3] { meter.increment(by: amount) }
        #expect(self.registry.samples.contains("r_sum 3"))
        #expect(self.registry.samples.contains("r_count 1"))
        #expect(self.registry.samples.contains("m 3"))
    }

    @Test("increments of many threads are all counted")
    func concurrency() async {
        let registry = self.registry
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    let recorder = Recorder(label: "r", factory: registry)
                    for number in 0..<10_000 {
                        Counter(label: "c", factory: registry).increment()
                        FloatingPointCounter(label: "f", factory: registry).increment(by: 0.5)
                        Meter(label: "m", factory: registry).increment()
                        recorder.record(number % 2)
                    }
                }
            }
        }
        for line in ["c_total 80000", "f_total 40000", "m 80000", "r_count 80000", "r_sum 40000"] {
            #expect(self.registry.samples.contains(line))
        }
    }

    @Test("a metric whose name another kind has is counted as refused, and the first one stays whole")
    func conflicts() {
        Timer(label: "x", factory: self.registry).recordSeconds(1)
        Gauge(label: "x_seconds", factory: self.registry).record(9)
        Gauge(label: "x_seconds_sum", factory: self.registry).record(9)
        self.registry.sample("x_seconds_count", "A sample.") { 9 }
        Gauge(label: "y_bucket", factory: self.registry).record(1)
        Recorder(label: "y", factory: self.registry).record(9)
        Gauge(label: "g", factory: self.registry).record(1)
        self.registry.sample("g", "A sample.") { 9 }
        let samples = self.registry.samples
        #expect(samples.contains("x_seconds_count 1"))
        #expect(samples.contains("g 1"))
        #expect(!samples.contains { $0.hasSuffix(" 9") })
        #expect(samples.contains(#"metrics_series_refused_total{reason="type"} 5"#))
    }

    @Test("above the limit of series nothing more is kept, and it is told")
    func limit() {
        var configuration = PrometheusRegistry.Configuration()
        configuration.maximumSeries = 3
        let registry = PrometheusRegistry(configuration: configuration)
        for number in 0..<10 {
            Counter(label: "x", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        Counter(label: "x", dimensions: [("n", "0")], factory: registry).increment()
        #expect(
            registry.samples == [
                #"metrics_series_refused_total{reason="limit"} 7"#, #"metrics_series_refused_total{reason="type"} 0"#,
                #"x_total{n="0"} 2"#, #"x_total{n="1"} 1"#, #"x_total{n="2"} 1"#,
            ])
    }

    @Test("a destroyed metric is gone, makes room, and its name is free again")
    func destroy() {
        var configuration = PrometheusRegistry.Configuration()
        configuration.maximumSeries = 1
        let registry = PrometheusRegistry(configuration: configuration)
        let timer = Timer(label: "x", factory: registry)
        timer.recordSeconds(1)
        timer.destroy()
        let gauge = Gauge(label: "x_seconds", factory: registry)
        gauge.record(1)
        #expect(registry.samples.filter { $0.hasPrefix("x") } == ["x_seconds 1"])
        gauge.destroy()
        let counter = Counter(label: "x", factory: registry)
        counter.increment()
        counter.destroy()
        Counter(label: "x", factory: registry).increment()
        #expect(registry.samples.filter { $0.hasPrefix("x") } == ["x_total 1"])
    }
}
