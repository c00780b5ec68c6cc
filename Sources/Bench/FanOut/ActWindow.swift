import NIOCore

/// The places of a closed loop: each holds an act until that has come to every socket of its room, or is given up.
struct ActWindow {
    /// How many acts are to be on their way.
    let size: Int
    /// Acts that had not come everywhere in time. Their places are free again.
    private(set) var givenUp = 0
    private var sent: [Int: NIODeadline] = [:]

    init(size: Int) {
        self.size = size
        self.sent.reserveCapacity(size)
    }

    /// Places that no act holds.
    var free: Int { self.size - self.sent.count }

    mutating func sent(_ number: Int, at time: NIODeadline) {
        self.sent[number] = time
    }

    /// An act has come everywhere, or has failed.
    ///
    /// - Returns: whether its place is free by that; false for what has none, such as an act of an earlier run.
    mutating func ended(_ number: Int) -> Bool {
        self.sent.removeValue(forKey: number) != nil
    }

    /// Gives up what was sent before `time`.
    mutating func giveUp(sentBefore time: NIODeadline) {
        let waiting = self.sent.count
        self.sent = self.sent.filter { $0.value >= time }
        self.givenUp += waiting - self.sent.count
    }
}
