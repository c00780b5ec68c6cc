/// How often each of the latest acts was counted, until all have it. Confined to whoever owns it.
struct ActCounts {
    private struct Slot {
        var number = -1
        var count: Int32 = 0
        var isWhole = false
    }

    /// By number modulo the length: five seconds of 13,000 acts each, and what is older is given up.
    private var slots = [Slot](repeating: Slot(), count: 1 << 16)

    /// Counts an act once more.
    ///
    /// - Parameter total: how many there are to count.
    /// - Returns: whether that made it whole: once for each act, and never for one that a later act has displaced.
    mutating func isWhole(_ number: Int, of total: Int) -> Bool {
        let index = number & (self.slots.count - 1)
        if self.slots[index].number < number { self.slots[index] = Slot(number: number) }
        guard self.slots[index].number == number, !self.slots[index].isWhole else { return false }
        self.slots[index].count += 1
        guard self.slots[index].count >= total else { return false }
        self.slots[index].isWhole = true
        return true
    }
}
