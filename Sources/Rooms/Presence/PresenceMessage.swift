import NIOCore

/// What a node has changed in its part of a room, on the room's channel.
///
/// `h NODE:INCARNATION FROM TO WATCHERS COUNT\n`, then for each change `KIND SINCE IDLENGTH NAMELENGTH ID NAME` without a
/// blank between id and name: kind `+` online, `-` away since, `x` left, `d` expired. `FROM` and `TO` count the changes of
/// all nodes: a message that does not begin where the one before ended says that something is missing.
struct PresenceMessage: Equatable {
    /// Changes in one message.
    static let maximumChanges = 2_048

    let node: NodeStart
    let from: Int
    let to: Int
    let watchers: Int
    let changes: [(userID: String, change: PresenceChange)]

    /// - Parameter reader: after the first byte.
    init?(_ reader: inout RoomMessageReader) {
        let space = UInt8(ascii: " ")
        guard reader.blank(), let node = reader.word(limit: 32).flatMap({ NodeStart($0) }),
            let from = reader.integer(endedBy: space), let to = reader.integer(endedBy: space), to == from + 1,
            let watchers = reader.integer(endedBy: space), watchers <= PresencePart.maximumWatchers,
            let count = reader.integer(endedBy: UInt8(ascii: "\n")), count <= Self.maximumChanges
        else { return nil }
        var changes: [(userID: String, change: PresenceChange)] = []
        for _ in 0..<count {
            guard let kind = reader.byte(), reader.blank(), let since = reader.integer(endedBy: space),
                let idLength = reader.integer(endedBy: space), let nameLength = reader.integer(endedBy: space),
                let id = reader.text(length: idLength), let name = reader.text(length: nameLength),
                PresenceSeat.isUser(id: id, name: name), let change = PresenceChange(kind, name: name, since: since)
            else { return nil }
            changes.append((id, change))
        }
        guard reader.isAtEnd else { return nil }
        self.node = node
        self.from = from
        self.to = to
        self.watchers = watchers
        self.changes = changes
    }

    static func == (one: Self, other: Self) -> Bool {
        one.node == other.node && one.from == other.from && one.to == other.to && one.watchers == other.watchers
            && one.changes.elementsEqual(other.changes) { $0.userID == $1.userID && $0.change == $1.change }
    }
}

extension PresenceChange {
    fileprivate init?(_ kind: UInt8, name: String, since: Int) {
        switch kind {
        case UInt8(ascii: "+"): self = .online(name: name)
        case UInt8(ascii: "-"): self = .away(name: name, since: since)
        case UInt8(ascii: "x"): self = .left
        case UInt8(ascii: "d"): self = .expired
        default: return nil
        }
    }

    /// As the script and the message have it.
    var kind: String {
        switch self {
        case .online: "+"
        case .away: "-"
        case .left: "x"
        case .expired: "d"
        }
    }

    var name: String {
        switch self {
        case .online(let name), .away(let name, _): name
        case .left, .expired: ""
        }
    }

    var since: Int {
        if case .away(_, let since) = self { since } else { 0 }
    }
}
