import NIOCore

/// What the generator puts into the argument of an act and finds again in what is delivered of it:
/// `benchRUN:NUMBER:INTENDED:PADDING`. Nothing in it is changed by being part of a JSON string.
struct StampFormat: Sendable {
    private let padding: String
    private let marker: [UInt8]
    private let markerText: String

    /// - Parameters:
    ///   - run: Tells apart what an earlier run left in the server.
    ///   - padding: Bytes of it in each stamp.
    init(run: String, padding: Int) {
        self.markerText = "bench\(run):"
        self.marker = Array(self.markerText.utf8)
        self.padding = String(repeating: "x", count: padding)
    }

    func text(_ act: BenchAct) -> String {
        "\(self.markerText)\(act.number):\(act.intended):\(self.padding)"
    }

    /// The acts whose stamps are in a message, in their order there.
    func acts(in payload: ByteBuffer) -> [BenchAct] {
        let bytes = payload.readableBytesView
        var acts: [BenchAct] = []
        var index = bytes.startIndex
        let last = bytes.endIndex - self.marker.count
        while index <= last {
            guard bytes[index] == self.marker[0],
                bytes[index..<(index + self.marker.count)].elementsEqual(self.marker),
                let number = MessageText.integer(at: index + self.marker.count, in: bytes),
                number.end < bytes.endIndex, bytes[number.end] == UInt8(ascii: ":"),
                let intended = MessageText.integer(at: number.end + 1, in: bytes),
                intended.end < bytes.endIndex, bytes[intended.end] == UInt8(ascii: ":")
            else {
                index += 1
                continue
            }
            acts.append(BenchAct(number: number.value, intended: intended.value))
            index = intended.end
        }
        return acts
    }
}
