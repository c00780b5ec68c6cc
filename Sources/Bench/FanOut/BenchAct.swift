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

    /// The argument of Rejoin's `act`.
    ///
    /// - Parameter turn: its number among the acts of its room, so that neighbours have different fields.
    func body(room: String, turn: Int, padding: String) -> String {
        let field = "f\(turn % Self.fields)"
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
