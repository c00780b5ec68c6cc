/// How far a member has come in one sequence of versions, and which it was not sent.
struct VersionProgress: Sendable, Equatable {
    /// The last version it has.
    var last: Int
    /// Versions that were jumped over, as what comes after `lowerBound`, up to `upperBound`: in order, and none where
    /// all goes well.
    private var holes: [Range<Int>] = []
    /// Holes up to this version are of an earlier tally.
    private var begin = 0

    init(last: Int = 0) {
        self.last = last
    }

    /// From now on another tally counts.
    mutating func beginTally() {
        self.begin = self.last
    }

    /// A snapshot came: nothing before it is missing any more.
    ///
    /// - Returns: how many versions it jumped over, or took back.
    mutating func snapshot(_ version: Int) -> Int {
        let skipped = abs(version - self.last)
        self.last = version
        self.holes.removeAll()
        return skipped
    }

    /// What comes after `last`, up to `version`, did not come; `version` is greater.
    mutating func skip(to version: Int) {
        self.holes.append(self.last..<version)
        self.last = version
    }

    /// Versions came that are not new.
    ///
    /// - Returns: how many of them had been jumped over, and how many of those by patches of this tally.
    mutating func fill(_ versions: Range<Int>) -> (all: Int, counted: Int) {
        var all = 0
        var counted = 0
        // What comes late is mostly among the latest.
        var index = self.holes.count - 1
        while index >= 0, self.holes[index].upperBound > versions.lowerBound {
            let hole = self.holes[index]
            let part = hole.clamped(to: versions)
            if !part.isEmpty {
                all += part.count
                if hole.lowerBound >= self.begin { counted += part.count }
                let rest = [hole.lowerBound..<part.lowerBound, part.upperBound..<hole.upperBound]
                self.holes.replaceSubrange(index...index, with: rest.filter { !$0.isEmpty })
            }
            index -= 1
        }
        return (all, counted)
    }
}
