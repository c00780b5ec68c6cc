import RedisClient
import Sessions

/// The keys and the channel of a room.
struct RoomKeys: Sendable {
    let room: String
    let log: String
    let acts: String
    /// Who runs the room's clock.
    let tick: String
    let channelName: String

    init(prefix: String, room name: RoomName) {
        room = "\(prefix)room:{\(name)}"
        log = room + ":log"
        acts = room + ":acts"
        tick = room + ":tick"
        channelName = room
    }

    var channel: RedisChannel { .sharded(channelName) }

    static func newRooms(prefix: String, userID: String) -> String {
        SessionKeys(prefix: prefix).newRooms(of: userID)
    }

    static func session(prefix: String, handle: String) -> String {
        "\(prefix)session:{\(handle)}"
    }
}
