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
    /// The listed users as JSON, in their order, but for those at the end who came since; nil when others have changed.
    private var encoded: ByteBuffer?
    private var unencoded: [String] = []

    mutating func changed(_ user: String, isThere: Bool) {
        if isThere {
            guard listed[user] != nil else {
                if listed.count < Self.maximumListed { list(user) }
                return
            }
        } else {
            guard listed.removeValue(forKey: user) != nil else { return }
        }
        encoded = nil
        pending.insert(user)
    }

    private mutating func list(_ user: String) {
        listed[user] = next
        next += 1
        if encoded != nil { unencoded.append(user) }
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
        if toldNumbers != (users.count, watchers) { areNumbersUncertain = true }
        var writer = JSONObjectWriter()
        writer.member("room", string: room.string)
        writer.member("players", raw: Self.array(encodedPlayers(users)))
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
        for user in pending {
            let now = listed[user] == nil ? nil : users[user]
            guard now != told[user] || uncertain.contains(user) else { continue }
            if let now {
                if set.readableBytes > 0 { set.writeStaticString(",") }
                Self.write(user, now, to: &set)
            } else {
                if del.readableBytes > 0 { del.writeStaticString(",") }
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
        guard !isSame || set.readableBytes > 0 || del.readableBytes > 0 else { return nil }
        var writer = JSONObjectWriter()
        writer.member("room", string: room.string)
        writer.member("set", raw: Self.array(set))
        writer.member("del", raw: Self.array(del))
        writer.member("total", int: numbers.total)
        writer.member("watchers", int: numbers.watchers)
        return writer.finish()
    }

    /// What a join costs does not depend on how many are listed, as long as those before it stay as they are.
    private mutating func encodedPlayers(_ users: [String: PresentUser]) -> ByteBuffer {
        var buffer: ByteBuffer
        if let known = encoded {
            buffer = known
            encoded = nil  // the only owner may append without a copy
        } else {
            buffer = ByteBuffer()
            unencoded = listed.sorted { $0.value < $1.value }.map(\.key)
        }
        for user in unencoded {
            guard let shown = users[user] else { continue }
            if buffer.readableBytes > 0 { buffer.writeStaticString(",") }
            Self.write(user, shown, to: &buffer)
        }
        unencoded.removeAll()
        encoded = buffer
        return buffer
    }

    private static func array(_ elements: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("[")
        buffer.writeImmutableBuffer(elements)
        buffer.writeStaticString("]")
        return buffer
    }

    private static func write(_ user: String, _ shown: PresentUser, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"id\":")
        buffer.writeJSONString(user)
        buffer.writeStaticString(",\"name\":")
        buffer.writeJSONString(shown.name)
        buffer.writeStaticString(shown.isOnline ? ",\"online\":true}" : ",\"online\":false}")
    }
}
