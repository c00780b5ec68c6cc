import NIOCore
import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("What rooms begin with, on a real Redis", .serialized)
struct BeginTests {
    /// A room that begins with a bank of 100, and gives it to players.
    private struct Bank: Game {
        struct Action: Decodable { var take: Int }

        func begin(_ room: RoomName) throws(Refusal) -> [Change] {
            guard room.string != "closed" else { throw .forbidden("no bank of that name") }
            return [.set("bank", JSONBytes(integer: 100)), .set("open", .true)]
        }

        func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
            guard let bank = room.read("bank", as: Int.self), bank >= action.take else {
                throw .rejected("the bank has less than that")
            }
            return try [.set("bank", encoding: bank - action.take), .set(player.userID, encoding: action.take)]
        }
    }

    private let room: RoomName
    private let games = GameCatalog(otherwise: Bank())

    init() throws {
        room = try #require(RoomName("r"))
    }

    @Test("joining writes nothing, and a refused act neither; the first applied act writes the beginning too")
    func firstAct() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                #expect(String(buffer: try await node.enter(room)["state"]?.buffer ?? .init()) == "{}")
                #expect(try await node.act(room, "1", "{\"take\":101}", as: session).refusal == .rejected)
                #expect(try await server.command("EXISTS", "rejoin:room:{r}") == "0")
                #expect(try await node.act(room, "1", "{\"take\":30}", as: session).version == 1)
                try await node.settles(room)
                #expect(node.watcher.room(room)?.fields == ["bank": "70", "open": "true", "u": "30"])
                #expect(try await node.act(room, "2", "{\"take\":30}", as: session).version == 2)
                try await node.settles(room)
                #expect(node.watcher.room(room)?.fields["bank"] == "40")
            }
        }
    }

    @Test("two nodes that begin a room at once begin it once")
    func race() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { first in
                try await RoomNode.run(on: server, games: games) { second in
                    let nodes = [first, second]
                    for round in 0..<30 {
                        let room = try #require(RoomName("r\(round)"))
                        for node in nodes { try await node.enter(room) }
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for user in 0..<4 {
                                let node = nodes[user % 2]
                                let session = try await node.login("u\(user)")
                                group.addTask {
                                    let result = try await node.act(room, "1", "{\"take\":10}", as: session)
                                    #expect(result.version != nil, "\(result)")
                                }
                            }
                            try await group.waitForAll()
                        }
                        for node in nodes {
                            try await node.settles(room)
                            #expect(node.watcher.room(room)?.version == 4)
                            #expect(node.watcher.room(room)?.fields["bank"] == "60")
                        }
                    }
                    #expect(first.rooms.statistics.conflicts + second.rooms.statistics.conflicts > 0)
                }
            }
        }
    }

    @Test("a room that may not begin refuses its acts, with the game's words")
    func refused() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let closed = try #require(RoomName("closed"))
                let session = try await node.login("u")
                try await node.enter(closed)
                let result = try await node.act(closed, "1", "{\"take\":1}", as: session)
                #expect(result == .refused(.forbidden("no bank of that name")))
                #expect(try await server.command("EXISTS", "rejoin:room:{closed}") == "0")
            }
        }
    }
}
