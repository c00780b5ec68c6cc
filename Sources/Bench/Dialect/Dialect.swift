/// How the clients of some Socket.IO server speak to it: the names of its events, and what their arguments look like.
public struct Dialect: Sendable {
    /// An event that clients send.
    public struct Request: Sendable {
        let event: String
        let argument: ArgumentTemplate

        /// - Parameters:
        ///   - event: Any name.
        ///   - argument: One JSON text, with the placeholders of ``ArgumentTemplate``; nil: the event has no argument.
        public init(event: String, argument: String?) {
            self.event = event
            self.argument = ArgumentTemplate(argument ?? "")
        }
    }

    /// Begins with a slash.
    public var namespace = "/"
    /// The JSON of CONNECT; nil sends none.
    public var auth: String?
    /// The event that ends a handshake; nil: the answer to CONNECT does.
    public var firstEvent: String?
    /// Sent once by each socket that acts, before it joins.
    public var login: Request?
    /// Sent once by each socket; nil: who is connected is in the one room there is.
    public var join: Request?
    public var act: Request?
    /// The event that everybody in the room gets of an act.
    public var deliverEvent: String?
    /// Whether the server acknowledges `login`, `join` and `act`.
    public var acknowledges = true
    /// Whether who acts is not sent its own act.
    public var excludesSender = false

    public init() {}
}

/// The argument of an event, with places to fill.
///
/// | placeholder | stands for |
/// |---|---|
/// | `%room` | the name of a room of this run |
/// | `%socket` | a name of the acting socket, of this run |
/// | `%number` | the running number of the act, over all sockets |
/// | `%stamp` | a text by which the generator knows the act again, wherever it is in what is delivered |
///
/// All are letters, digits, `-` and `:`, to be put into a JSON string (the number also outside).
struct ArgumentTemplate: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case text(String)
        case room
        case socket
        case number
        case stamp
    }

    private(set) var pieces: [Piece] = []

    init(_ text: String) {
        let places: [(String, Piece)] = [
            ("%room", .room), ("%socket", .socket), ("%number", .number), ("%stamp", .stamp),
        ]
        var literal = ""
        var rest = Substring(text)
        while let character = rest.first {
            if let (word, piece) = places.first(where: { rest.hasPrefix($0.0) }) {
                if !literal.isEmpty { self.pieces.append(.text(literal)) }
                literal = ""
                self.pieces.append(piece)
                rest = rest.dropFirst(word.count)
            } else {
                literal.append(character)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { self.pieces.append(.text(literal)) }
    }

    /// Whether an act can be known again.
    var hasStamp: Bool { self.pieces.contains(.stamp) }

    func filled(room: String = "", socket: String = "", number: Int = 0, stamp: String = "") -> String {
        var text = ""
        for piece in self.pieces {
            switch piece {
            case .text(let literal): text += literal
            case .room: text += room
            case .socket: text += socket
            case .number: text += "\(number)"
            case .stamp: text += stamp
            }
        }
        return text
    }
}

extension Dialect {
    /// A benchmark of rooms needs an act, and its stamp in it.
    ///
    /// - Throws: `BenchError` that says what is missing.
    func requireAct(delivered: Bool) throws {
        guard let act = self.act else { throw BenchError("how a client acts is not known, expected --act-event") }
        guard delivered else { return }
        guard act.argument.hasStamp else {
            throw BenchError("an act cannot be known again, expected %stamp in --act-argument")
        }
        guard self.deliverEvent != nil else {
            throw BenchError("what others get of an act is not known, expected --deliver-event")
        }
    }
}
