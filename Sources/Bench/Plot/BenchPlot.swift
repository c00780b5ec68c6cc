/// The runs of a benchmark as a picture, in SVG 1.1: bars for the figures that count, curves for latencies and memory.
public struct BenchPlot {
    private let title: String
    private let subtitle: String
    private let runs: [BenchReport]
    private static let width = 760.0

    /// - Parameters:
    ///   - title: The headline.
    ///   - subtitle: One line of how it was measured.
    ///   - runs: of one benchmark, in their order.
    public init(title: String, subtitle: String, runs: [BenchReport]) {
        self.title = title
        self.subtitle = subtitle
        self.runs = runs
    }

    /// The whole document.
    public var svg: String {
        var panels: [(SVGCanvas, Double, Double) -> Double] = []
        let headlines = Headline.of(self.runs.first?.benchmark ?? "").filter { headline in
            self.runs.contains { $0[headline.key] != nil }
        }
        if !headlines.isEmpty {
            panels.append { canvas, top, width in
                BarPanel(headlines: headlines, runs: self.runs).draw(on: canvas, top: top, width: width)
            }
        }
        for curve in self.runs.first?.curves ?? [] {
            let lines = self.runs.map { run in run.curves.first { $0.key == curve.key }?.points ?? [] }
            panels.append { canvas, top, width in
                CurvePanel(title: curve.title, kind: curve.kind, lines: lines).draw(on: canvas, top: top, width: width)
            }
        }
        let canvas = SVGCanvas()
        canvas.text(self.title, x: 24, y: 36, size: 20, weight: "bold")
        canvas.text(self.subtitle, x: 24, y: 56, size: 12, color: SVGCanvas.muted)
        var top = 76.0
        if self.runs.count > 1 {
            var x = 24.0
            for number in self.runs.indices {
                canvas.rectangle(x: x, y: top - 8, width: 10, height: 10, color: SVGCanvas.color(number))
                canvas.text("run \(number + 1)", x: x + 15, y: top + 1, size: 12, color: SVGCanvas.muted)
                x += 64
                if x > Self.width - 64, number + 1 < self.runs.count {
                    x = 24
                    top += 18
                }
            }
            top += 20
        }
        for panel in panels { top = panel(canvas, top, Self.width) }
        return canvas.document(width: Self.width, height: top + 8)
    }
}

/// A figure that a benchmark is run for.
struct Headline {
    let key: String
    let label: String

    /// Figures of one group have one scale.
    let group: Int

    static func of(_ benchmark: String) -> [Headline] {
        switch benchmark {
        case "connect":
            [
                Headline(key: "handshakes_per_second", label: "handshakes/s", group: 0),
                Headline(key: "handshakes_per_cpu_second", label: "handshakes per CPU s of the server", group: 0),
            ]
        case "idle":
            [
                Headline(key: "bytes_per_socket", label: "bytes per idle socket", group: 0),
                Headline(key: "nodes_cpu_seconds", label: "CPU s of the nodes while held", group: 1),
            ]
        case "act":
            [
                Headline(key: "acts_per_second", label: "acts/s", group: 0),
                Headline(key: "redis_benchmark_before", label: "redis-benchmark, calls/s, before", group: 0),
                Headline(key: "redis_benchmark_after", label: "redis-benchmark, calls/s, after", group: 0),
                Headline(key: "acts_per_cpu_second", label: "acts per CPU s of the server", group: 0),
            ]
        case "fanout":
            [
                Headline(key: "deliveries_per_second", label: "deliveries/s", group: 0),
                Headline(key: "deliveries_per_cpu_second", label: "deliveries per CPU s of the server", group: 0),
                Headline(key: "floor_before", label: "bare sends per CPU s, before", group: 0),
                Headline(key: "floor_after", label: "bare sends per CPU s, after", group: 0),
            ]
        case "login":
            [
                Headline(key: "logins_per_cpu_second", label: "logins per CPU s of the server", group: 0),
                Headline(key: "hashes_per_cpu_second", label: "hashes per CPU s, by themselves", group: 0),
            ]
        case "logout":
            [
                Headline(key: "watcher_max_ms", label: "until the last socket watches, ms", group: 0),
                Headline(key: "acknowledged_ms", label: "until it is acknowledged, ms", group: 0),
            ]
        case "rejoin":
            [
                Headline(key: "acting_max_ms", label: "until the last player acts, ms", group: 0),
                Headline(key: "authenticated_max_ms", label: "until the last is authenticated, ms", group: 0),
            ]
        case "floor": [Headline(key: "sends_per_cpu_second", label: "sends per CPU s", group: 0)]
        default: []
        }
    }
}
