import Rooms
import SocketIO

/// Counts ticks and what players add.
struct Metronome: Game {
    struct Action: Decodable {
        var add: Int
        var stop: Bool?
        /// Each player adds to a sum of their own: acts do not wait for each other.
        var alone: Bool?
    }

    var ticksPerSecond: Int { 50 }

    func begin(_ room: RoomName) throws(Refusal) -> [Change] {
        [.set("ticks", JSONBytes(integer: 0)), .set("sum", JSONBytes(integer: 100))]
    }

    func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
        if action.alone == true {
            let field = "sum of \(player.userID)"
            return try [.set(field, encoding: (room.read(field, as: Int.self) ?? 0) + action.add)]
        }
        guard let sum = room.read("sum", as: Int.self) else { throw .conflict("the room has no sum") }
        guard action.add > 0 else { throw .rejected("add is more than 0") }
        let stop: [Change] = action.stop.map { [.set("stopped", $0 ? .true : .false)] } ?? []
        return try [.set("sum", encoding: sum + action.add)] + stop
    }

    /// Reads all of the room: every act conflicts with it.
    func tick(_ tick: Tick, in room: inout RoomView) throws(Refusal) -> [Change] {
        room.readWhole()
        let ticks = room["ticks"]?.int ?? 0
        let isStopped = room["stopped"]?.bool ?? false
        return try [
            .set("ticks", encoding: isStopped ? ticks : ticks + 1),
            .set("redis", encoding: isStopped ? room["redis"]?.int ?? 0 : tick.time),
        ]
    }
}
