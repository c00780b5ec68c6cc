import DequeModule
import SocketIO

/// Who is in a room, put together from the parts of all nodes: a pure value. Times are in ms since 1970 by Redis's clock.
///
/// A user is online while any live node has a socket of it, and stays as away for the grace after the last one. What a
/// change costs does not depend on how many others there are.
struct PresenceBoard {
    /// Users that are kept of a room; more are not listed and not counted.
    static let maximumUsers = 16_384

    let own: NodeStart
    /// For how long a user stays whose last socket was closed, in ms.
    let grace: Int
    private(set) var parts: [NodeStart: PresencePart] = [:]
    private(set) var users: [String: PresentUser] = [:]
    /// Sockets of nobody, on all live nodes.
    private(set) var watchers = 0
    /// How many changes of all nodes are in here.
    private(set) var changes = 0
    private var telling = PresenceTelling()
    /// The watchers of this node that Redis was told last; nil when it was told nothing.
    private(set) var writtenWatchers: Int?
    /// How many sockets of this node each user has.
    private var sockets: [String: Int] = [:]
    /// What Redis is to be told of this node's part: users, and whether they left.
    private var unwritten: [String: Bool] = [:]
    private var isHeadUnwritten = false
    /// Fields of others that nobody needs any more.
    private(set) var spent: [String] = []
    /// Nodes that were gone for so long that their users are not kept any more.
    private var dropped: Set<NodeStart> = []
    private var expiries: Deque<(at: Int, user: String)> = []
    private var expiring: Set<String> = []

    init(own: NodeStart, grace: Int) {
        self.own = own
        self.grace = grace
        parts[own] = PresencePart()
    }

    private var ownPart: PresencePart { parts[own] ?? PresencePart() }

    // MARK: This node's sockets

    mutating func joined(_ member: RoomMember, now: Int) {
        guard case .player(let player) = member else { return count(1) }
        guard PresenceSeat.isUser(id: player.userID, name: player.name) else { return }
        sockets[player.userID, default: 0] += 1
        let seat = PresenceSeat(name: player.name, awaySince: nil)
        let before = ownPart.seats[player.userID]
        guard before != seat, before != nil || users[player.userID] != nil || users.count < Self.maximumUsers else {
            return
        }
        parts[own]?.seats[player.userID] = seat
        unwritten[player.userID] = false
        refresh(player.userID, now: now)
    }

    mutating func departed(_ member: RoomMember, _ departure: RoomDeparture, now: Int) {
        guard case .player(let player) = member else { return count(-1) }
        guard let count = sockets[player.userID] else { return }
        guard count == 1 else {
            sockets[player.userID] = count - 1
            return
        }
        sockets[player.userID] = nil
        guard parts[own]?.seats[player.userID] != nil else { return }
        switch departure {
        case .lost:
            parts[own]?.seats[player.userID]?.awaySince = now
            unwritten[player.userID] = false
        case .left:
            parts[own]?.seats[player.userID] = nil
            unwritten[player.userID] = true
            forgetAway(player.userID, alsoSpent: true)
        }
        refresh(player.userID, now: now)
    }

    private mutating func count(_ change: Int) {
        let watchers = max(0, ownWatchers + change)
        parts[own]?.watchers = watchers
        isHeadUnwritten = true
        recountWatchers()
    }

    // MARK: What clients are told

    /// Whether a user that clients know has changed, and not only a number.
    var hasChangedUsers: Bool { telling.hasChangedUsers }

    /// Whether clients do not know all that they are told of.
    var hasNews: Bool { telling.hasNews(total: users.count, watchers: watchers) }

    /// The argument of a `presence` event for who just joined.
    mutating func full(in room: RoomName) -> JSONBytes {
        telling.full(of: users, watchers: watchers, in: room)
    }

    /// The argument of a `presence` event for everybody: what has changed since the last. Nil when nothing has.
    mutating func delta(in room: RoomName) -> JSONBytes? {
        telling.delta(of: users, watchers: watchers, in: room)
    }

    // MARK: What Redis is told

    /// Whether a user of this node's is still kept here.
    var hasOwnSeats: Bool { !ownPart.seats.isEmpty }
    var ownWatchers: Int { ownPart.watchers }
    /// Whether Redis does not know this node's part as it is.
    var isUnwritten: Bool { isHeadUnwritten || !unwritten.isEmpty }
    /// Whether more than the number of watchers is to be written.
    var hasUnwrittenUsers: Bool { !unwritten.isEmpty }

    /// What is to be written now; the rest waits for the next time.
    mutating func takeUnwritten() -> [(userID: String, change: PresenceChange)] {
        isHeadUnwritten = false
        writtenWatchers = ownWatchers
        var taken: [(userID: String, change: PresenceChange)] = []
        for (user, left) in unwritten.prefix(PresenceMessage.maximumChanges) {
            switch ownPart.seats[user] {
            case nil: taken.append((user, left ? .left : .expired))
            case let seat?:
                let change = seat.awaySince.map { PresenceChange.away(name: seat.name, since: $0) }
                taken.append((user, change ?? .online(name: seat.name)))
            }
        }
        for (user, _) in taken { unwritten[user] = nil }
        return taken
    }

    /// It is not known whether this was written.
    mutating func giveBack(_ taken: [(userID: String, change: PresenceChange)]) {
        isHeadUnwritten = true
        for (user, change) in taken { unwritten[user] = unwritten[user] ?? (change == .left) }
    }

    mutating func takeSpent(_ limit: Int) -> [String] {
        defer { spent.removeFirst(min(limit, spent.count)) }
        return Array(spent.prefix(limit))
    }

    // MARK: What is heard

    enum Heard: Equatable {
        case taken
        /// Known already.
        case ignored
        /// Something before it is missing.
        case gap
    }

    mutating func received(_ message: PresenceMessage, now: Int) -> Heard {
        if message.to <= changes { return .ignored }
        guard message.from == changes else { return .gap }
        changes = message.to
        guard message.node != own else { return .taken }
        parts[message.node, default: PresencePart()].watchers = message.watchers
        recountWatchers()
        for (user, change) in message.changes {
            switch change {
            case .online(let name):
                seat(user, PresenceSeat(name: name, awaySince: nil), message.node)
            case .away(let name, let since):
                seat(user, PresenceSeat(name: name, awaySince: min(since, now)), message.node)
            case .left:
                parts[message.node]?.seats[user] = nil
                forgetAway(user, alsoSpent: false)
            case .expired:
                parts[message.node]?.seats[user] = nil
            }
            refresh(user, now: now)
        }
        return .taken
    }

    private mutating func seat(_ user: String, _ seat: PresenceSeat, _ node: NodeStart) {
        guard users[user] != nil || users.count < Self.maximumUsers else { return }
        parts[node]?.seats[user] = seat
    }

    /// Who left is kept by no node that has no socket of it.
    private mutating func forgetAway(_ user: String, alsoSpent: Bool) {
        // Nothing else may hold a part while it changes, or all of its seats were copied.
        for node in Array(parts.keys) {
            guard parts[node]?.away(user) != nil else { continue }
            parts[node]?.seats[user] = nil
            if node == own {
                unwritten[user] = unwritten[user] ?? false
            } else if alsoSpent {
                spent.append("\(node)|\(user)")
            }
        }
    }

    /// Takes all parts as Redis has them; but this node's own, which Redis is told where it has another.
    ///
    /// - Parameters:
    ///   - isLive: whether a node lives; the users of any other are away since its stamp.
    ///   - isFirst: whether this node begins to follow the room: users that it still keeps there are its own again.
    ///   - isFromBefore: whether Redis may be as it was before what this node has heard. The parts of live nodes then stay
    ///     as they were heard: those nodes write theirs again too, but maybe after this.
    mutating func read(
        _ reading: PresenceReading, isLive: (NodeStart) -> Bool, isFirst: Bool, isFromBefore: Bool = false, now: Int
    ) {
        changes = reading.changes
        let kept = isFromBefore ? Set(parts.keys.filter { $0 != own && isLive($0) }) : []
        var touched = Set<String>()
        for (node, part) in parts where node != own {
            touched.formUnion(part.seats.keys)
            if reading.parts[node] == nil, !kept.contains(node) { parts[node] = nil }
        }
        for (node, read) in reading.parts where node != own && !kept.contains(node) {
            let goneSince = isLive(node) ? nil : parts[node]?.goneSince ?? min(read.stamp ?? 0, now)
            parts[node] = PresencePart(watchers: read.watchers, seats: read.seats, goneSince: goneSince)
            touched.formUnion(read.seats.keys)
        }
        let stored = reading.parts[own] ?? PresenceReading.Part()
        let isEmpty = ownPart.watchers == 0 && ownPart.seats.isEmpty && unwritten.isEmpty
        for (user, seat) in stored.seats {
            if isFirst, ownPart.seats[user] == nil, let since = seat.awaySince {
                parts[own]?.seats[user] = PresenceSeat(name: seat.name, awaySince: min(since, now))
                touched.insert(user)
            } else if (ownPart.seats[user]?.awaySince == nil) != (seat.awaySince == nil)
                || ownPart.seats[user]?.name != seat.name
            {
                unwritten[user] = unwritten[user] ?? false
            }
        }
        for user in ownPart.seats.keys where stored.seats[user] == nil {
            unwritten[user] = unwritten[user] ?? false
        }
        if stored.stamp == nil { writtenWatchers = nil }
        if stored.watchers != ownPart.watchers || stored.stamp == nil && !isEmpty { isHeadUnwritten = true }
        recountWatchers()
        for user in touched { refresh(user, now: now) }
    }

    // MARK: Nodes and time

    /// The users of nodes that do not live are away, and their watchers do not count.
    mutating func nodesLive(_ live: (NodeStart) -> Bool, now: Int) {
        var isChanged = false
        for (node, part) in parts where node != own && live(node) != (part.goneSince == nil) {
            parts[node]?.goneSince = part.goneSince == nil ? now : nil
            isChanged = true
            for user in part.seats.keys { refresh(user, now: now) }
        }
        if isChanged { recountWatchers() }
    }

    /// Lets those go that have been away for the grace, and the parts of nodes that have nobody left.
    mutating func expire(now: Int) {
        while let first = expiries.first, first.at <= now {
            expiries.removeFirst()
            expiring.remove(first.user)
            for node in Array(parts.keys) {
                guard let since = parts[node]?.away(first.user), since + grace <= now else { continue }
                parts[node]?.seats[first.user] = nil
                if node == own {
                    unwritten[first.user] = unwritten[first.user] ?? false
                } else {
                    spent.append("\(node)|\(first.user)")
                    if parts[node]?.goneSince != nil { drop(node) }
                }
            }
            refresh(first.user, now: now)
        }
        for (node, part) in parts where part.seats.isEmpty && node != own {
            guard let goneSince = part.goneSince, goneSince + grace <= now else { continue }
            parts[node] = nil
            spent.append(node.description)
            drop(node)
        }
    }

    private mutating func drop(_ node: NodeStart) {
        // Most never come back; those that do among so many are noticed when they change something.
        if dropped.count == 1_024 { dropped.removeAll() }
        dropped.insert(node)
    }

    /// Whether a node is back whose users are not kept any more: all parts are to be read.
    mutating func isBack(_ isLive: (NodeStart) -> Bool) -> Bool {
        let back = dropped.filter(isLive)
        dropped.subtract(back)
        return !back.isEmpty
    }

    private mutating func recountWatchers() {
        watchers = parts.values.reduce(0) { $0 + ($1.goneSince == nil ? $1.watchers : 0) }
    }

    private mutating func refresh(_ user: String, now: Int) {
        var name: String?
        var away: (since: Int, name: String)?
        for part in parts.values {
            guard let seat = part.seats[user] else { continue }
            if let since = part.away(user) {
                if since > away?.since ?? .min { away = (since, seat.name) }
            } else {
                name = max(name ?? "", seat.name)
            }
        }
        let before = users[user]
        if let name {
            users[user] = PresentUser(name: name, isOnline: true)
        } else if let away {
            users[user] = PresentUser(name: away.name, isOnline: false)
        } else {
            users[user] = nil
        }
        if let away, expiring.insert(user).inserted { expires(user, at: away.since + grace) }
        if users[user] != before { telling.changed(user, isThere: users[user] != nil) }
    }

    /// In order; nearly always the last.
    private mutating func expires(_ user: String, at time: Int) {
        var index = expiries.endIndex
        while index > expiries.startIndex, expiries[index - 1].at > time { index -= 1 }
        expiries.insert((time, user), at: index)
    }
}
