import NIOCore

/// An act of the generator: it sets one of a few fields to `[NUMBER,INTENDED,"padding"]`, so that a patch says which acts
/// it carries, and when each should have been sent.
struct BenchAct: Equatable {
    /// How many fields are used in turn: of two acts under way in a room that have the same, a merged patch carries
    /// one. A room may have 1,024 fields and 256 KiB (`limit.room-fields`, `limit.room-bytes`).
    ///
    /// - Parameter padding: bytes of padding in each act.
    static func fields(padding: Int) -> Int {
        // A field's name, two numbers and what stands between them are at most 55 bytes.
        min(1_000, 240_000 / (60 + padding))
    }

    /// Counted from 0.
    let number: Int
    /// When it should have been sent, in nanoseconds of the monotonic clock.
    let intended: Int

    /// The argument of Rejoin's `act`.
    ///
    /// - Parameter field: the number of the field that it sets.
    func body(room: String, field: Int, padding: String) -> String {
        let field = "f\(field)"
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
