import NIOCore

/// An act of the generator: it sets one of a few fields to `[NUMBER,INTENDED,"padding"]`, so that a patch says which acts
/// it carries, and when each should have been sent.
struct BenchAct: Equatable {
    /// Fields are used in turn: far more than are ever merged in one patch.
    static let fields = 256

    /// Counted from 0.
    let number: Int
    /// When it should have been sent, in nanoseconds of the monotonic clock.
    let intended: Int

    /// The whole packet, with the acknowledgement's id left to be put in: what follows `42ID`.
    func body(room: String, padding: String) -> String {
        let field = "f\(self.number % Self.fields)"
        return "{\"room\":\"\(room)\",\"id\":\"b\(self.number)\",\"action\":{\"set\":{\"\(field)\":"
            + "[\(self.number),\(self.intended),\"\(padding)\"]}}}"
    }
}

/// What a `patch` event says, as far as the generator needs it.
struct BenchPatch: Equatable {
    let epoch: String
    let from: Int
    let version: Int
    let acts: [BenchAct]

    /// Nil: not a patch as the server writes it.
    init?(_ payload: ByteBuffer) {
        guard let epoch = MessageText.string("epoch", in: payload),
            let from = MessageText.integer("from", in: payload),
            let version = MessageText.integer("version", in: payload), version >= from
        else { return nil }
        self.epoch = epoch
        self.from = from
        self.version = version
        let bytes = payload.readableBytesView
        var acts: [BenchAct] = []
        var index = MessageText.value(of: "set", in: bytes) ?? bytes.endIndex
        while let open = bytes[index...].firstIndex(of: UInt8(ascii: "[")) {
            index = open + 1
            guard let number = MessageText.integer(at: index, in: bytes), number.end < bytes.endIndex,
                bytes[number.end] == UInt8(ascii: ","),
                let intended = MessageText.integer(at: number.end + 1, in: bytes)
            else { continue }
            acts.append(BenchAct(number: number.value, intended: intended.value))
            index = intended.end
        }
        self.acts = acts
    }
}

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
