/// Why a benchmark could not be run to its end.
public struct BenchError: Error, Sendable, CustomStringConvertible {
    /// One line: what was wrong, and what is expected.
    public let message: String

    init(_ message: String) {
        self.message = message
    }

    public var description: String { self.message }
}
