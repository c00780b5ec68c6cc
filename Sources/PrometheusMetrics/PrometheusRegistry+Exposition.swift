import Synchronization

extension PrometheusRegistry {
    /// All metrics in Prometheus' text format 0.0.4, families by name, series by labels; UTF-8.
    public func exposition() -> [UInt8] {
        // A copy, so that samples are taken, and text is written, outside the lock.
        let (families, descriptions) = self.state.withLock { ($0.families, $0.descriptions) }
        var text = ExpositionText()
        for family in families.values.sorted(by: { $0.name < $1.name }) {
            text.append(family, help: Self.help(family, descriptions))
        }
        return text.bytes
    }

    private static func help(_ family: MetricFamily, _ descriptions: [String: Description]) -> String {
        if let description = descriptions[family.name] { return description.help }
        for suffix in ["_total", "_seconds"] where family.name.hasSuffix(suffix) {
            if let description = descriptions[String(family.name.dropLast(suffix.count))] { return description.help }
        }
        return family.name.split(separator: "_").joined(separator: " ")
    }
}

/// The text format, as it is written.
struct ExpositionText {
    private(set) var bytes: [UInt8] = []

    init() {
        self.bytes.reserveCapacity(16 * 1024)
    }

    mutating func append(_ family: MetricFamily, help: String) {
        let start = self.bytes.count
        self.append("# HELP \(family.name) \(Self.escapedHelp(help))\n# TYPE \(family.name) \(family.kind.rawValue)\n")
        let head = self.bytes.count
        for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
            switch series {
            case .counter(let counter):
                self.line(family.name, labels.text, Self.number(counter.value))
            case .gauge(let gauge):
                self.line(family.name, labels.text, Self.number(gauge.value))
            case .sampled(let value):
                guard let value = value() else { continue }
                self.line(family.name, labels.text, Self.number(value))
            case .histogram(let histogram):
                self.append(histogram, family.name, labels.text)
            }
        }
        if self.bytes.count == head { self.bytes.removeLast(head - start) }
    }

    private mutating func append(_ histogram: HistogramSeries, _ name: String, _ labels: String) {
        let counts = histogram.bucketCounts()
        let prefix = labels.isEmpty ? "" : labels + ","
        // The count is the sum of the buckets that were read, so that it always equals the bucket `+Inf`.
        var cumulative: UInt64 = 0
        for (index, count) in counts.enumerated() {
            cumulative &+= count
            let bound = index < histogram.bounds.count ? Self.number(histogram.bounds[index]) : "+Inf"
            self.line(name + "_bucket", "\(prefix)le=\"\(bound)\"", String(cumulative))
        }
        self.line(name + "_sum", labels, Self.number(histogram.sum))
        self.line(name + "_count", labels, String(cumulative))
    }

    private mutating func line(_ name: String, _ labels: String, _ value: String) {
        self.append(name)
        if !labels.isEmpty {
            self.append("{")
            self.append(labels)
            self.append("}")
        }
        self.append(" ")
        self.append(value)
        self.append("\n")
    }

    private mutating func append(_ string: String) {
        self.bytes.append(contentsOf: string.utf8)
    }

    /// Whole numbers without a fraction, the others with as many digits as tell them apart.
    static func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return String(whole) }
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.description
    }

    static func escapedHelp(_ help: String) -> String {
        var result = ""
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": result += #"\\"#
            case "\n": result += #"\n"#
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
