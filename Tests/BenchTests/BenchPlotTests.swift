import Testing

@testable import Bench

@Suite("The picture of a benchmark")
struct BenchPlotTests {
    private func report(_ scale: Double) -> BenchReport {
        var report = BenchReport("fanout")
        report.add("deliveries_per_cpu_second", "deliveries per CPU s", 100_000 * scale)
        var latencies = Latencies()
        for number in 1...2_000 { latencies.record(nanoseconds: Int64(Double(number) * 10_000 * scale)) }
        report.add("latency", latencies)
        report.add(
            .init(
                key: "memory", title: "memory <of nodes> & more", kind: .memory,
                points: [.init(x: 1_000, y: 30_000_000), .init(x: 2_000, y: 35_000_000 * scale)]))
        return report
    }

    @Test("shows each run's bars and curves, with text as text")
    func drawing() throws {
        let svg = BenchPlot(title: "a < b", subtitle: "three runs", runs: [report(1), report(1.1), report(0.9)]).svg
        // A background, three squares of the legend, three bars; two curves a run, and axes.
        #expect(svg.split(separator: "<rect ").count - 1 == 1 + 3 + 3)
        for number in 0..<3 {
            #expect(svg.split(separator: "stroke=\"\(SVGCanvas.color(number))\"").count - 1 == 2)
        }
        #expect(svg.contains("a &lt; b") && svg.contains("memory &lt;of nodes&gt; &amp; more"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test("of runs that measured nothing is a picture too")
    func empty() {
        let svg = BenchPlot(title: "t", subtitle: "", runs: [BenchReport("fanout")]).svg
        #expect(svg.hasSuffix("</svg>\n") && !svg.contains("nan"))
    }

    @Test("an axis has steps of 1, 2 or 5 and holds the greatest value")
    func axes() {
        #expect(AxisScale(upTo: 100).ticks == [0, 50, 100])
        #expect(AxisScale(upTo: 17).ticks == [0, 5, 10, 15, 20])
        #expect(AxisScale(upTo: 0).ticks == [0, 1])
        #expect(AxisScale(upTo: .infinity).ticks == [0, 1])
        for value in [0.003, 0.7, 1, 9.99, 123_456, 7e9] {
            let scale = AxisScale(upTo: value)
            #expect(scale.greatest >= value * 0.999 && scale.ticks.count <= 7)
        }
    }

    @Test("percentiles go on as far as they are known")
    func percentiles() throws {
        var latencies = Latencies()
        for _ in 0..<999 { latencies.record(nanoseconds: 1_000_000) }
        latencies.record(nanoseconds: 50_000_000)
        let points = latencies.percentiles
        #expect(points.first?.x == 0)
        let last = try #require(points.last)
        #expect(last.x > 99.8 && last.x < 100 && abs(last.y - 50) < 1)
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.x < $1.x && $0.y <= $1.y })
    }
}
