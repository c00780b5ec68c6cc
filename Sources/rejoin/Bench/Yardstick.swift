import Bench

/// What is measured beside a benchmark, before and after each of its runs: the machine's speed changes, and with it
/// everything that is measured.
protocol Yardstick {
    /// Its name among the figures: `KEY_before`, `KEY_after`, and `KEY_share`, the benchmark's own figure as a share of it.
    var key: String { get }
    /// Its name in a table, with the unit.
    var label: String { get }
    /// The benchmark's figure that is compared with it.
    var figure: String { get }

    /// Measures once. Called on the main thread.
    ///
    /// - Parameters:
    ///   - cluster: What is measured; nil: it is not ours.
    ///   - progress: Told what goes on.
    func measure(_ cluster: BenchCluster?, _ progress: ProgressLine) throws -> Double
}

extension BenchReport {
    /// Adds a yardstick's figures.
    mutating func add(_ yardstick: any Yardstick, before: Double, after: Double) {
        add("\(yardstick.key)_before", "\(yardstick.label), before", before)
        add("\(yardstick.key)_after", "\(yardstick.label), after", after)
        guard let value = self[yardstick.figure], before + after > 0 else { return }
        let label = figures.first { $0.key == yardstick.figure }?.label ?? yardstick.figure
        add("\(yardstick.key)_share", "\(label), as a share of it", value / ((before + after) / 2))
    }
}

/// The kernel's own cost of a delivery.
struct FloorYardstick: Yardstick {
    let key = "floor"
    let label = "bare sends per CPU s"
    let figure = "deliveries_per_cpu_second"
    private let bench: FloorBench

    /// - Parameter sockets: Those of the benchmark; more than 1,000 cost no more.
    init(sockets: Int) {
        // Two seconds, with pauses as at 30 messages a second.
        bench = FloorBench(sockets: min(sockets, 1_000), rounds: 60, bytes: 60, gap: .seconds(1) / 30)
    }

    func measure(_ cluster: BenchCluster?, _ progress: ProgressLine) throws -> Double {
        let report = try MainThread.wait(
            { [bench, progress = progress.progress] in try await bench.run(progress: progress) }, tick: progress.draw)
        return report["sends_per_cpu_second"] ?? 0
    }
}
