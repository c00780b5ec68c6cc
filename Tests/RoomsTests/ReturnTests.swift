import RedisClient
import Rooms
import Testing
import TestSupport

@Suite("Players who come back", .serialized)
struct ReturnTests {
    private let room: RoomName

    init() throws {
        room = try #require(RoomName("r"))
    }

    /// What the node has sent; what its scripts do is not counted.
    private func commands(_ server: RedisServer) async throws -> Int {
        let own = ["evalsha", "eval", "hgetall", "ssubscribe", "ping", "info"]
        return try await server.command("INFO", "commandstats").split(whereSeparator: \.isNewline).reduce(0) {
            sum, line in
            guard own.contains(where: { line.hasPrefix("cmdstat_\($0):") }) else { return sum }
            return sum + (Int(line.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }) ?? 0)
        }
    }

    @Test("2,000 who come back to a room that their node knows are answered from its memory")
    func fromMemory() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                for act in 1...40 {
                    _ = try await node.act(room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session)
                }
                try await node.settles(room)
                let epoch = try #require(node.watcher.room(room)?.epoch)
                let before = try await commands(server)
                for number in 0..<2_000 {
                    let answer = try await node.rooms.enter(
                        room, since: RoomPosition(epoch: epoch, version: number % 41),
                        as: .player(Player(userID: "u\(number)", name: "U\(number)")))
                    #expect(answer.version == 40)
                }
                // The checks of every two seconds, and who is here once a second.
                #expect(try await commands(server) - before < 20)
            }
        }
    }
}
