/// The call of `commit.lua` that one act was, word by word: `EVALSHA`, the script, `5`, five keys, its arguments.
struct CommitCall: Equatable {
    private let words: [String]
    private let room: String
    private let id: String

    /// Where the arguments are that an act on another room differs in: the script's 7, 8 and 9.
    private enum Place {
        static let newEpoch = 14
        static let epoch = 15
        static let version = 16
    }

    /// - Parameters:
    ///   - line: What MONITOR says.
    ///   - room: The room that was acted on.
    ///   - id: The act's.
    /// - Returns: nil for any other call.
    init?(monitored line: String, room: String, id: String) {
        guard let words = Self.words(line), words.count > Place.version, words[0].uppercased() == "EVALSHA",
            words[2] == "5", words.contains(id), words[3].contains(room)
        else { return nil }
        self.words = words
        self.room = room
        self.id = id
    }

    /// The act that begins another room.
    func begin(room: String, id: String) -> [String] { self.words(room: room, id: id, epoch: "", version: "0") }

    /// One more act on a room that was begun by ``begin(room:id:)``.
    func again(room: String, id: String) -> [String] {
        self.words(room: room, id: id, epoch: self.words[Place.newEpoch], version: "1")
    }

    private func words(room: String, id: String, epoch: String, version: String) -> [String] {
        var words = self.words
        for index in words.indices {
            words[index] = words[index] == self.id ? id : words[index].replacing(self.room, with: room)
        }
        words[Place.epoch] = epoch
        words[Place.version] = version
        return words
    }

    /// The words of a line of MONITOR: `TIME [DB ADDRESS] "WORD" "WORD"`, as `sdscatrepr` of Redis writes them. Nil when a
    /// word is not ASCII.
    static func words(_ line: String) -> [String]? {
        var words: [String] = []
        var rest = Array(line.utf8)[...]
        while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
            rest = rest[(quote + 1)...]
            var word: [UInt8] = []
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\") else {
                    word.append(byte)
                    continue
                }
                switch rest.popFirst() {
                case UInt8(ascii: "n"): word.append(UInt8(ascii: "\n"))
                case UInt8(ascii: "r"): word.append(UInt8(ascii: "\r"))
                case UInt8(ascii: "t"): word.append(UInt8(ascii: "\t"))
                case UInt8(ascii: "x"): return nil
                case let other?: word.append(other)
                case nil: return nil
                }
            }
            words.append(String(decoding: word, as: UTF8.self))
        }
        return words.isEmpty ? nil : words
    }
}
