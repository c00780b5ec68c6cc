import NIOCore
import RedisClient
import Rooms
import SocketIO

extension MicroBenchmark {
    static let room = [
        MicroBenchmark("room-patch", "follow an act of another node, and write the patch for the clients") { count in
            follow(count, actsToAPatch: 1)
        },
        MicroBenchmark("room-merge", "follow an act of another node; after ten, write one patch of all") { count in
            follow(count, actsToAPatch: 10)
        },
        MicroBenchmark("room-commit", "decide an act, write the commit for Redis, read the answer") { count in
            let room = RoomRehearsal(RoomName.lobby, game: SharedObject())
            guard room.received(ByteBuffer(string: patch(1))) else { return 0 }
            return try commit(action, in: room, count: count)
        },
        MicroBenchmark("room-commit-arena", "the same for a step in the demo game: two fields read, two written") {
            count in
            let room = RoomRehearsal(RoomName.arena, game: Arena())
            guard room.received(ByteBuffer(string: arenaPatch)) else { return 0 }
            return try commit("{\"type\":\"move\",\"dx\":1,\"dy\":0}", in: room, count: count)
        },
    ]

    /// A room's first messages: each has its version in it.
    private static let messages = (1...2_000).map { ByteBuffer(string: patch($0)) }

    private static func follow(_ count: Int, actsToAPatch: Int) -> Int {
        var room = RoomRehearsal(RoomName.lobby, game: SharedObject())
        var successes = 0
        for index in 0..<count {
            let version = 1 + index % messages.count
            if version == 1 { room = RoomRehearsal(RoomName.lobby, game: SharedObject()) }
            guard room.received(messages[version - 1]) else { continue }
            if version % actsToAPatch != 0 || room.takePatch() != nil { successes += 1 }
        }
        return successes
    }

    private static let player = Player(userID: "0123456789abcdef", name: "Ada")

    /// The player's field, as the game writes it.
    private static var arenaPatch: String {
        let (name, value) = (
            "@\(player.userID)/player", "{\"name\":\"Ada\",\"color\":\"#e69f00\",\"x\":7,\"y\":9,\"score\":12}"
        )
        return "p \(epoch) 0 1 1\n\(name.utf8.count) \(value.utf8.count) \(name)\(value)"
    }

    private static func commit(_ action: String, in room: RoomRehearsal, count: Int) throws -> Int {
        let action = try JSONBytes(validating: ByteBuffer(string: action))
        let session = SessionGuard(handle: "AAAAAAAAAAAAAAAAAAAAAA", generation: 3, userID: player.userID)
        let reply = RedisValue.array([
            .bytes(ByteBuffer(string: "applied")), .bytes(ByteBuffer(string: replicationID)),
            .bytes(ByteBuffer(string: epoch)), .integer(2),
        ])
        guard let id = ActID("a-1234") else { return 0 }
        var commands = ByteBuffer()
        var successes = 0
        for _ in 0..<count {
            commands.clear()
            let claim = try room.commit(action, id: id, by: player, session: session, into: &commands)
            if room.answered(reply, claim: claim) == 2, commands.readableBytes > 0 { successes += 1 }
        }
        return successes
    }
}

extension RoomName {
    fileprivate static let lobby = known("lobby")
    fileprivate static let arena = known("arena")

    private static func known(_ name: String) -> RoomName {
        guard let name = RoomName(name) else { preconditionFailure("\(name) is no room's name") }
        return name
    }
}
