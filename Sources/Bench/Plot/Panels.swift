#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Figures as bars, one for each run.
struct BarPanel {
    let headlines: [Headline]
    let runs: [BenchReport]

    /// - Returns: where the next panel begins.
    func draw(on canvas: SVGCanvas, top: Double, width: Double) -> Double {
        let left = 250.0
        let right = width - 84
        let height = self.runs.count > 8 ? 8.0 : 14
        var y = top + 8
        for headline in self.headlines {
            let group = self.headlines.filter { $0.group == headline.group }
            let greatest = group.flatMap { headline in self.runs.compactMap { $0[headline.key] } }.max() ?? 0
            let block = Double(self.runs.count) * (height + 2)
            canvas.text(headline.label, x: left - 12, y: y + block / 2 + 4, size: 12, anchor: "end")
            for (number, run) in self.runs.enumerated() {
                guard let value = run[headline.key] else { continue }
                let length = greatest > 0 ? max(0, value / greatest) * (right - left) : 0
                canvas.rectangle(x: left, y: y, width: length, height: height, color: SVGCanvas.color(number))
                canvas.text(
                    AxisScale.text(value), x: left + length + 6, y: y + height - 3, size: 11, color: SVGCanvas.muted)
                y += height + 2
            }
            y += 10
        }
        canvas.line([(left, top + 4), (left, y - 8)], color: SVGCanvas.muted, width: 1)
        return y + 16
    }
}

/// A curve for each run.
struct CurvePanel {
    let title: String
    let kind: BenchReport.Curve.Kind
    let lines: [[BenchReport.Point]]

    private static let height = 220.0

    /// - Returns: where the next panel begins.
    func draw(on canvas: SVGCanvas, top: Double, width: Double) -> Double {
        let left = 76.0
        let right = width - 32
        let begin = top + 28
        let end = begin + Self.height
        let points = self.lines.flatMap { $0 }
        let scale = AxisScale(upTo: points.map { self.vertical($0.y) }.max() ?? 0)
        let far = points.map { self.horizontal($0.x) }.max() ?? 1
        let horizontalScale = AxisScale(upTo: far)
        let reach = self.kind == .percentiles ? max(far, 0.31) : horizontalScale.greatest
        func x(_ value: Double) -> Double { left + value / reach * (right - left) }
        func y(_ value: Double) -> Double { end - value / scale.greatest * Self.height }

        canvas.text("\(self.title), \(self.unit)", x: 24, y: top + 14, size: 14, weight: "bold")
        for tick in scale.ticks {
            canvas.line([(left, y(tick)), (right, y(tick))], color: SVGCanvas.grid, width: 1)
            canvas.text(
                AxisScale.text(tick), x: left - 8, y: y(tick) + 4, size: 11, color: SVGCanvas.muted, anchor: "end")
        }
        for (place, text) in self.marks(horizontalScale) where place <= reach {
            canvas.line([(x(place), begin), (x(place), end)], color: SVGCanvas.grid, width: 1)
            canvas.text(text, x: x(place), y: end + 16, size: 11, color: SVGCanvas.muted, anchor: "middle")
        }
        canvas.line([(left, begin), (left, end), (right, end)], color: SVGCanvas.muted, width: 1)
        canvas.text(self.axis, x: right, y: end + 34, size: 11, color: SVGCanvas.muted, anchor: "end")
        for (number, line) in self.lines.enumerated() {
            let drawn = line.map { (x: x(self.horizontal($0.x)), y: y(self.vertical($0.y))) }
            canvas.line(drawn, color: SVGCanvas.color(number), width: 2)
            guard self.kind == .memory else { continue }
            for point in drawn { canvas.dot(x: point.x, y: point.y, color: SVGCanvas.color(number)) }
        }
        return end + 52
    }

    private var unit: String {
        switch self.kind {
        case .percentiles: "ms"
        case .memory: "MB"
        }
    }

    private var axis: String {
        switch self.kind {
        case .percentiles: "percentile"
        case .memory: "sockets"
        }
    }

    private func vertical(_ value: Double) -> Double {
        switch self.kind {
        case .percentiles: value
        case .memory: value / 1_000_000
        }
    }

    /// Each nine of a percentile is as wide as the one before.
    private func horizontal(_ value: Double) -> Double {
        switch self.kind {
        case .percentiles: -log10(1 - min(max(value, 0), 99.999_999) / 100)
        case .memory: value
        }
    }

    private func marks(_ scale: AxisScale) -> [(Double, String)] {
        switch self.kind {
        case .percentiles:
            [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].map { percent in
                (self.horizontal(percent), percent == percent.rounded() ? "\(Int(percent)) %" : "\(percent) %")
            }
        case .memory: scale.ticks.map { ($0, AxisScale.text($0)) }
        }
    }
}
