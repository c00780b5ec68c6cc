/// What went wrong in a round of many steps.
struct Failures: Sendable {
    var count = 0
    /// The reason of the first.
    var first = ""

    mutating func add(_ error: any Error) {
        self = self + Failures(count: 1, first: "\(error)")
    }

    /// - Throws: `BenchError` when something did.
    func require(_ what: String) throws {
        guard self.count == 0 else { throw BenchError("\(what): \(self.count) failed, the first with: \(self.first)") }
    }

    static func + (left: Self, right: Self) -> Self {
        Self(count: left.count + right.count, first: left.first.isEmpty ? right.first : left.first)
    }
}
