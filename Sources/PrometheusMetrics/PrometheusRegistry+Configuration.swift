extension PrometheusRegistry {
    /// How a registry counts in buckets, and how much it keeps.
    public struct Configuration: Sendable {
        /// Upper bounds, in seconds, of the buckets of timers. Default: 0.5 ms to 10 s.
        public var timerBuckets: [Double] = [
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
        ]

        /// Upper bounds of the buckets of recorders, in whatever they record. Default: 1 to 1,048,576, times four each.
        public var recorderBuckets: [Double] = [
            1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262_144, 1_048_576,
        ]

        /// How many series are kept at most. What is made above that is counted in
        /// `metrics_series_refused_total{reason="limit"}` and shown nowhere. Default: 10,000.
        public var maximumSeries: Int = 10_000

        public init() {}
    }

    /// What a sampled value is.
    public enum SampleKind: Sendable {
        /// Goes up and down.
        case gauge
        /// Only grows; its name gets the suffix `_total`.
        case counter
    }
}
