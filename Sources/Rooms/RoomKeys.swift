import RedisClient
import Sessions

/// The keys and the channel of a room.
struct RoomKeys: Sendable {
    let room: String
    let log: String
    let acts: String
    /// Who runs the room's clock.
    let tick: String
    /// Who is in the room.
    let here: String
    let channelName: String

    init(prefix: String, room name: RoomName) {
        room = "\(prefix)room:{\(name)}"
        log = room + ":log"
        acts = room + ":acts"
        tick = room + ":tick"
        here = room + ":here"
        channelName = room
    }

    var channel: RedisChannel { .sharded(channelName) }

    /// What the keys of rooms match, as `SCAN` takes it: not those of their logs. Characters of the prefix that mean
    /// something there are escaped; a room's name has none.
    static func pattern(prefix: String, beginning: String) -> String {
        var pattern = ""
        for character in prefix {
            if "*?[]^\\".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "room:{\(beginning)*}"
    }

    /// The room of that key; nil for any other key.
    static func room(ofKey key: String, prefix: String) -> RoomName? {
        let head = "\(prefix)room:{"
        guard key.hasPrefix(head), key.hasSuffix("}") else { return nil }
        return RoomName(String(key.dropFirst(head.count).dropLast()))
    }

    static func newRooms(prefix: String, userID: String) -> String {
        SessionKeys(prefix: prefix).newRooms(of: userID)
    }

    static func session(prefix: String, handle: String) -> String {
        SessionKeys(prefix: prefix).session(named: handle)
    }
}
