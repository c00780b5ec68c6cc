import NIOCore
import SocketIO

/// What the clients of one node know of who is in a room: the first 200 users, and the numbers. When one of these goes
/// another takes its place.
struct PresenceTelling {
    /// Users that clients are told of.
    static let maximumListed = 200

    private var listed: [String: Int] = [:]
    private var next = 0
    private var told: [String: PresentUser] = [:]
    private var toldNumbers = (total: 0, watchers: 0)
    private var pending: Set<String> = []
    /// Pending users that somebody who joined meanwhile may know otherwise than the rest.
    private var uncertain: Set<String> = []
    private var areNumbersUncertain = false

    mutating func changed(_ user: String, isThere: Bool) {
        if isThere {
            if listed[user] == nil {
                guard listed.count < Self.maximumListed else { return }
                list(user)
            }
        } else {
            guard listed.removeValue(forKey: user) != nil else { return }
        }
        pending.insert(user)
    }

    private mutating func list(_ user: String) {
        listed[user] = next
        next += 1
        pending.insert(user)
    }

    private mutating func fill(_ users: [String: PresentUser]) {
        guard listed.count < min(Self.maximumListed, users.count) else { return }
        for user in users.keys where listed[user] == nil {
            list(user)
            if listed.count == min(Self.maximumListed, users.count) { return }
        }
    }

    func hasNews(total: Int, watchers: Int) -> Bool {
        hasChangedUsers || areNumbersUncertain || toldNumbers != (total, watchers)
    }

    /// Whether a user that clients know has changed, and not only a number.
    var hasChangedUsers: Bool { !pending.isEmpty }

    /// The argument of a `presence` event for who just joined.
    mutating func full(
        of users: [String: PresentUser], watchers: Int, in room: RoomName
    ) -> JSONBytes {
        fill(users)
        uncertain = pending
        areNumbersUncertain = true
        var buffer = ByteBuffer()
        buffer.writeStaticString("[")
        var isFirst = true
        for (user, _) in listed.sorted(by: { $0.value < $1.value }) {
            guard let shown = users[user] else { continue }
            Self.write(user, shown, isFirst: &isFirst, to: &buffer)
        }
        buffer.writeStaticString("]")
        var writer = JSONObjectWriter()
        writer.member("room", string: room.string)
        writer.member("players", raw: buffer)
        writer.member("total", int: users.count)
        writer.member("watchers", int: watchers)
        return writer.finish()
    }

    /// The argument of a `presence` event for everybody: what has changed since the last. Nil when nothing has.
    mutating func delta(
        of users: [String: PresentUser], watchers: Int, in room: RoomName
    ) -> JSONBytes? {
        fill(users)
        var set = ByteBuffer()
        var del = ByteBuffer()
        var (isFirstSet, isFirstDel) = (true, true)
        for user in pending {
            let now = listed[user] == nil ? nil : users[user]
            guard now != told[user] || uncertain.contains(user) else { continue }
            if let now {
                Self.write(user, now, isFirst: &isFirstSet, to: &set)
            } else {
                if !isFirstDel { del.writeStaticString(",") }
                isFirstDel = false
                del.writeJSONString(user)
            }
            told[user] = now
        }
        pending.removeAll()
        uncertain.removeAll()
        let numbers = (total: users.count, watchers: watchers)
        let isSame = numbers == toldNumbers && !areNumbersUncertain
        toldNumbers = numbers
        areNumbersUncertain = false
        guard !isSame || !isFirstSet || !isFirstDel else { return nil }
        var writer = JSONObjectWriter()
        writer.member("room", string: room.string)
        writer.member("set", raw: Self.array(set))
        writer.member("del", raw: Self.array(del))
        writer.member("total", int: numbers.total)
        writer.member("watchers", int: numbers.watchers)
        return writer.finish()
    }

    private static func array(_ elements: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("[")
        buffer.writeImmutableBuffer(elements)
        buffer.writeStaticString("]")
        return buffer
    }

    private static func write(_ user: String, _ shown: PresentUser, isFirst: inout Bool, to buffer: inout ByteBuffer) {
        if !isFirst { buffer.writeStaticString(",") }
        isFirst = false
        var writer = JSONObjectWriter(appendingTo: buffer)
        writer.member("id", string: user)
        writer.member("name", string: shown.name)
        writer.member("online", bool: shown.isOnline)
        buffer = writer.finish().buffer
    }
}
