import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("The directory of rooms on a real Redis", .serialized)
struct RoomDirectoryTests {
    @Test("a walk lists every room of the prefix once or twice, and nothing that is none")
    func walk() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let names = (0..<40).map { "chess:\($0)" } + (0..<40).map { "go.\($0)" }
                for name in names { try await node.begin(name) }
                for key in ["other:room:{x}", "rejoin:room:{bad name}", "rejoin:room:x"] {
                    _ = try await node.redis.send("HSET", [.string(key), "\0v", "1"])
                }
                _ = try await node.redis.send("SET", ["rejoin:room:{poison}", "no hash"])
                let directory = RoomDirectory(redis: node.redis, prefix: "rejoin:")
                for (beginning, expected) in [
                    ("", names), ("chess:", Array(names[..<40])), ("go.1", names.filter { $0.hasPrefix("go.1") }),
                    ("x", []),
                ] {
                    var found: [String] = []
                    var cursor: RoomCursor? = .start
                    while let place = cursor {
                        let page = try await directory.page(beginning: beginning, from: place, limit: 7)
                        #expect(page.rooms.count < 20)
                        found += page.rooms.map(\.name.string)
                        cursor = page.next
                    }
                    #expect(Set(found) == Set(expected))
                }
                let none = try await directory.page(beginning: "*", limit: 100)
                #expect(none.rooms.isEmpty && none.next == nil)
            }
        }
    }

    @Test("a list says how large rooms are, and where")
    func summary() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                try await node.begin("r")
                try await node.begin("r", id: "2", action: "{\"set\":{\"né\":[10]}}")
                let page = try await RoomDirectory(redis: node.redis, prefix: "rejoin:").page(limit: 10)
                let summary = try #require(page.rooms.first)
                #expect(page.rooms.count == 1 && page.next == nil)
                #expect(summary.position.version == 2 && summary.fields == 2)
                #expect(summary.bytes == 2 + 3 + 4)
                let epoch = try await node.redis.send("HGET", ["rejoin:room:{r}", "\0e"]).string
                #expect(summary.position.epoch == epoch)
            }
        }
    }

    @Test("a room is read as it is in Redis, whatever the log still has; one that nobody acted in is none")
    func reading() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let directory = RoomDirectory(redis: node.redis, prefix: "rejoin:")
                let name = try #require(RoomName("r"))
                #expect(try await directory.room(name) == nil)
                for version in 1...20 {
                    try await node.begin("r", id: "\(version)", action: "{\"set\":{\"a\":\(version)}}")
                    let answer = try #require(try await directory.room(name))
                    #expect(answer.version == version)
                    #expect(answer.object["state"]?["a"]?.int == version)
                }
                try await server.command("DEL", "rejoin:room:{r}:log")
                #expect(try await directory.room(name)?.version == 20)
                #expect(try await server.command("DBSIZE") == "2")
            }
        }
    }

    @Test("who is in a room: those of dead and of silent nodes are away since these wrote last, and go after the grace")
    func members() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let directory = RoomDirectory(redis: node.redis, prefix: "rejoin:")
                let name = try #require(RoomName("r"))
                let nodes = try (1...4).map { try #require(NodeStart("n\($0):000000000000000\($0)")) }
                let time = try #require(try await node.redis.send("TIME", []).array?.first?.string.flatMap { Int($0) })
                func head(_ age: Int, _ watchers: Int) -> RedisArgument {
                    .string("\((time - age) * 1_000) \(watchers)")
                }
                func read(_ live: [NodeStart]) async throws -> RoomMembers {
                    try await directory.members(of: name, live: Set(live), limits: RoomLimits())
                }
                let empty = try await read(nodes)
                #expect(empty.players.isEmpty && empty.total == 0 && empty.watchers == 0)
                let fields: [(String, RedisArgument)] = [
                    ("#", "9"), ("poison", "9"), ("\(nodes[0])", head(1, 3)), ("\(nodes[1])", head(30, 5)),
                    ("\(nodes[2])", head(30, 7)), ("\(nodes[3])", head(90, 9)), ("\(nodes[0])|u1", "1 Zoe"),
                    ("\(nodes[0])|u2", .string("0 \((time - 10) * 1_000) Ada")), ("\(nodes[1])|u3", "1 Bob"),
                    ("\(nodes[2])|u1", "1 Zoe"), ("\(nodes[2])|u4", "1 Cyd"), ("\(nodes[3])|u5", "1 Dan"),
                    ("\(nodes[0])|u6", .string("0 \((time - 70) * 1_000) Eve")),
                ]
                for (field, value) in fields {
                    _ = try await node.redis.send("HSET", ["rejoin:room:{r}:here", .string(field), value])
                }
                // The second is dead, the third is in the registry and silent, the fourth was for longer than the grace.
                let members = try await read([nodes[0], nodes[2]])
                #expect(
                    members.players.map { "\($0.player.name) \($0.isOnline)" }
                        == ["Zoe true", "Ada false", "Bob false", "Cyd false"])
                #expect(members.players.map(\.player.userID) == ["u1", "u2", "u3", "u4"])
                #expect(members.total == 4 && members.watchers == 3)
                #expect(try await read([]).players.allSatisfy { !$0.isOnline })
            }
        }
    }

    @Test("who is in a room: the first 200 are named, all are counted")
    func crowd() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let own = try #require(NodeStart("n1:0000000000000001"))
                for number in 0..<250 {
                    let field = "\(own)|u\(number)"
                    _ = try await node.redis.send("HSET", ["rejoin:room:{r}:here", .string(field), "1 name"])
                }
                let time = try #require(try await node.redis.send("TIME", []).array?.first?.string)
                _ = try await node.redis.send(
                    "HSET", ["rejoin:room:{r}:here", .string(own.description), .string(time + "000 0")])
                let directory = RoomDirectory(redis: node.redis, prefix: "rejoin:")
                let members = try await directory.members(
                    of: try #require(RoomName("r")), live: [own], limits: RoomLimits())
                #expect(members.players.count == 200 && members.players.allSatisfy(\.isOnline) && members.total == 250)
            }
        }
    }

    @Test("what glob patterns read as more than a character is only that in a prefix")
    func globs() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                for key in ["a*?[b]^\\:room:{r}", "aXXb^\\:room:{s}"] {
                    _ = try await node.redis.send("HSET", [.string(key), "\0v", "3"])
                }
                let page = try await RoomDirectory(redis: node.redis, prefix: "a*?[b]^\\:").page(limit: 1_000)
                #expect(page.rooms.map(\.name.string) == ["r"])
            }
        }
    }

    @Test(
        "a cursor is a decimal number",
        arguments: ["", "-1", "1 ", "x", "99999999999999999999"])
    func cursors(text: String) {
        #expect(RoomCursor(text) == nil)
        #expect(RoomCursor("9999999999999999999")?.description == "9999999999999999999")
    }
}

extension RoomNode {
    fileprivate func begin(_ name: String, id: String = "1", action: String = "{\"set\":{\"a\":1}}") async throws {
        guard let room = RoomName(name), let id = ActID(id) else { throw TestSupportError("no room or id") }
        guard case .applied = await rooms.act(room, id: id, action: try parsed(action), byBackend: nil) else {
            throw TestSupportError("\(name) was not begun")
        }
    }
}
