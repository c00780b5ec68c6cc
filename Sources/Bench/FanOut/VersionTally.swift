/// What a member of a room saw of its versions: each must come once and in order.
struct VersionTally: Sendable, Equatable {
    /// Versions that arrived; a merged patch brings several.
    var deliveries = 0
    /// Patches that arrived.
    var patches = 0
    /// Versions that a patch jumped over, and that did not come later.
    var lost = 0
    /// Versions that had arrived before.
    var doubled = 0
    /// Versions that arrived after a later one.
    var reordered = 0

    /// - Parameter last: the last version that the member has; it moves on.
    mutating func delivered(from: Int, version: Int, last: inout Int) {
        self.patches += 1
        if version <= last {
            // It fills a hole that was counted before, or is there twice.
            let late = min(self.lost, version - from)
            self.lost -= late
            self.reordered += late
            self.doubled += version - from - late
            self.deliveries += late
            return
        }
        self.lost += max(0, from - last)
        self.doubled += max(0, last - from)
        self.deliveries += version - max(from, last)
        last = version
    }

    static func + (left: Self, right: Self) -> Self {
        Self(
            deliveries: left.deliveries + right.deliveries, patches: left.patches + right.patches,
            lost: left.lost + right.lost, doubled: left.doubled + right.doubled,
            reordered: left.reordered + right.reordered)
    }
}
