/// What kind of value a key takes, with its bounds: what `--help` says and what the parser holds are the same thing.
package enum ConfigurationKind: Sendable {
    /// A whole number in these bounds.
    case integer(ClosedRange<Int>)
    /// A number of bytes in these bounds, without a unit.
    case bytes(ClosedRange<Int>)
    /// A number with one of the units ms, s, m, h, d, in these bounds.
    case duration(ClosedRange<Duration>)
    /// So many a second: `20/s`, or `20`.
    case rate(ClosedRange<Int>)
    /// `true` or `false` (also `yes`, `no`, `on`, `off`, `1`, `0`).
    case boolean
    /// One of these words.
    case choice([String])
    /// Text of a form that the phrase describes.
    case text(String)
    /// Comma-separated items of a form that the phrase describes.
    case list(String)

    /// The phrase after "expected" in an error, and the column of the documentation.
    package var expected: String {
        switch self {
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .bytes(let range): "a number of bytes from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration from \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound)), "
                + "such as 500ms, 20s, 15m or 14d"
        case .rate(let range): "a rate from \(range.lowerBound)/s to \(range.upperBound)/s"
        case .boolean: "true or false"
        case .choice(let words): words.joined(separator: ", ")
        case .text(let phrase): phrase
        case .list(let phrase): "comma-separated \(phrase)"
        }
    }
}
