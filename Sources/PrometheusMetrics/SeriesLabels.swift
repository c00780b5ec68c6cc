/// The labels of one series, rendered once: `code="200",method="GET"`.
///
/// Sorted by name, so that the order of a metric's dimensions does not matter. A label without a value is the same
/// as no label to Prometheus, and is left out; of two labels of one name the last one counts.
struct SeriesLabels: Hashable, Comparable {
    let text: String

    /// - Parameter reserved: a name that belongs to the exposition itself (`le` of a histogram); a dimension of that
    ///   name gets `exported_` in front.
    init(_ dimensions: [(String, String)], reserved: String?) {
        guard !dimensions.isEmpty else {
            self.text = ""
            return
        }
        var labels: [String: String] = [:]
        for (name, value) in dimensions {
            var name = MetricName.sanitizedLabel(name)
            if name == reserved { name = "exported_" + name }
            labels[name] = value
        }
        self.text = labels.filter { !$0.value.isEmpty }
            .sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            .joined(separator: ",")
    }

    static func < (left: SeriesLabels, right: SeriesLabels) -> Bool {
        left.text < right.text
    }

    static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += #"\\"#
            case "\"": result += #"\""#
            case "\n": result += #"\n"#
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
