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

    /// - Parameter progress: how far the member has come in the sequence; it moves on.
    mutating func delivered(from: Int, version: Int, _ progress: inout VersionProgress) {
        self.patches += 1
        let last = progress.last
        if from < last {
            let old = from..<min(version, last)
            let filled = progress.fill(old)
            self.lost -= filled.counted
            self.reordered += filled.all
            self.doubled += old.count - filled.all
            self.deliveries += filled.all
        } else if from > last {
            progress.skip(to: from)
            self.lost += from - last
        }
        guard version > last else { return }
        self.deliveries += version - max(from, last)
        progress.last = version
    }

    static func + (left: Self, right: Self) -> Self {
        Self(
            deliveries: left.deliveries + right.deliveries, patches: left.patches + right.patches,
            lost: left.lost + right.lost, doubled: left.doubled + right.doubled,
            reordered: left.reordered + right.reordered)
    }
}
