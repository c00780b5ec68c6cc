/// Collects the elements of an SVG document. Not for several threads.
final class SVGCanvas {
    static let ink = "#1f2933"
    static let muted = "#616e7c"
    static let grid = "#e4e7eb"
    /// Colours that stay apart for whoever sees few (after Okabe and Ito).
    private static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666"]

    private var elements: [String] = []

    /// The colour of a run.
    static func color(_ number: Int) -> String { self.colors[number % self.colors.count] }

    func text(
        _ text: String, x: Double, y: Double, size: Int, color: String = SVGCanvas.ink, weight: String = "normal",
        anchor: String = "start"
    ) {
        self.elements.append(
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(size)\" fill=\"\(color)\""
                + " font-weight=\"\(weight)\" text-anchor=\"\(anchor)\">\(Self.escaped(text))</text>")
    }

    func rectangle(x: Double, y: Double, width: Double, height: Double, color: String) {
        self.elements.append(
            "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\""
                + " height=\"\(Self.number(height))\" fill=\"\(color)\"/>")
    }

    func line(_ points: [(x: Double, y: Double)], color: String, width: Double) {
        let text = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
        self.elements.append(
            "<polyline points=\"\(text)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"\(Self.number(width))\""
                + " stroke-linejoin=\"round\"/>")
    }

    func dot(x: Double, y: Double, color: String) {
        self.elements.append("<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"3\" fill=\"\(color)\"/>")
    }

    func document(width: Double, height: Double) -> String {
        let size = "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\""
        let box = "viewBox=\"0 0 \(Self.number(width)) \(Self.number(height))\""
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" \(size) \(box) font-family="Helvetica, Arial, sans-serif">
            <rect width="100%" height="100%" fill="#ffffff"/>
            \(self.elements.joined(separator: "\n"))
            </svg>

            """
    }

    /// A tenth of a pixel is seen by nobody.
    private static func number(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(character)
            }
        }.joined()
    }
}

/// The marks of an axis.
struct AxisScale {
    /// Growing; the first is at the axis's beginning, the last at or after the greatest value.
    let ticks: [Double]

    /// Steps of 1, 2 or 5 times a power of ten, from 0.
    init(upTo value: Double) {
        guard value > 0, value.isFinite else {
            self.ticks = [0, 1]
            return
        }
        let step = Self.step(value / 4)
        var ticks = [0.0]
        while let last = ticks.last, last < value * 0.999 { ticks.append(Double(ticks.count) * step) }
        self.ticks = ticks
    }

    var greatest: Double { self.ticks.last ?? 1 }

    private static func step(_ rough: Double) -> Double {
        var power = 1.0
        while power * 10 <= rough { power *= 10 }
        while power > rough { power /= 10 }
        return power * ([1.0, 2, 5, 10].first { $0 * power >= rough } ?? 10)
    }

    /// A number as short as it is still itself: 1,500 as `1.5k`.
    static func text(_ value: Double) -> String {
        switch value.magnitude {
        case 1_000_000...: self.short(value / 1_000_000) + "M"
        case 1_000...: self.short(value / 1_000) + "k"
        default: self.short(value)
        }
    }

    private static func short(_ value: Double) -> String {
        // Three digits that count.
        let scale = value.magnitude >= 100 ? 1.0 : value.magnitude >= 10 ? 10 : value.magnitude >= 1 ? 100 : 1_000
        let rounded = (value * scale).rounded() / scale
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}
