/// What a run of a benchmark measured: named figures, in the order in which they are shown.
public struct BenchReport: Sendable, Encodable {
    /// One measured number.
    public struct Figure: Sendable, Equatable {
        /// Its name in JSON, for instance `deliveries_per_second`.
        public let key: String
        /// Its name in a table, with the unit.
        public let label: String
        public let value: Double
        /// Whether it counts what should not happen, so that of several runs the worst is shown.
        public var isFault = false
    }

    /// A point of a curve.
    public struct Point: Sendable, Equatable {
        public let x: Double
        public let y: Double
    }

    /// What is shown as a curve.
    public struct Curve: Sendable, Equatable {
        public enum Kind: Sendable, Equatable {
            /// Milliseconds by percentile, 0 to below 100.
            case percentiles
            /// Bytes of resident memory by sockets.
            case memory
        }

        /// Its name among the curves of a run.
        public let key: String
        public let title: String
        public let kind: Kind
        public let points: [Point]
    }

    /// The subcommand: `connect`, `idle`, `act`, `fanout`, `rejoin`, `login`, `logout` or `floor`.
    public let benchmark: String
    public private(set) var figures: [Figure] = []

    public private(set) var curves: [Curve] = []

    /// What should not have happened: each one line.
    public private(set) var complaints: [String] = []

    init(_ benchmark: String) {
        self.benchmark = benchmark
    }

    /// - Parameters:
    ///   - key: see ``Figure``.
    ///   - label: see ``Figure``.
    public mutating func add(_ key: String, _ label: String, _ value: Double) {
        self.figures.append(Figure(key: key, label: label, value: value))
    }

    mutating func add(_ key: String, _ label: String, _ value: Int) {
        self.add(key, label, Double(value))
    }

    /// How often something happened that should not.
    mutating func addFaults(_ key: String, _ label: String, _ count: Int) {
        self.figures.append(Figure(key: key, label: label, value: Double(count), isFault: true))
    }

    mutating func add(_ curve: Curve) {
        self.curves.append(curve)
    }

    mutating func complain(_ line: String) {
        self.complaints.append(line)
    }

    /// The median of each figure of several runs, and of faults the maximum; of an even number of runs the mean of the
    /// two in the middle. A figure that some run lacks is left out. What any of them complained of is kept.
    ///
    /// - Parameter reports: of one benchmark; not empty.
    public init(medianOf reports: [BenchReport]) {
        self.init(reports.first?.benchmark ?? "")
        for figure in reports.first?.figures ?? [] {
            let values = reports.compactMap { $0[figure.key] }.sorted()
            guard values.count == reports.count else { continue }
            let middle = (values[(values.count - 1) / 2] + values[values.count / 2]) / 2
            let value = figure.isFault ? values[values.count - 1] : middle
            self.figures.append(
                Figure(key: figure.key, label: figure.label, value: value, isFault: figure.isFault))
        }
        self.complaints = reports.flatMap(\.complaints)
    }

    /// The value of a figure.
    public subscript(key: String) -> Double? {
        self.figures.first { $0.key == key }?.value
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }

    /// As one JSON object: figure by key, and `complaints`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for figure in self.figures { try container.encode(figure.value, forKey: Key(stringValue: figure.key)) }
        try container.encode(self.complaints, forKey: Key(stringValue: "complaints"))
    }
}
