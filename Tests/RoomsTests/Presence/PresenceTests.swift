import NIOCore
import NIOPosix
import RedisClient
@testable import Rooms
import SocketIO
import Synchronization
import Testing
import TestSupport

@Suite("Presence on a real Redis", .serialized)
struct PresenceTests {
    private let room: RoomName
    private let one: NodeStart
    private let two: NodeStart

    init() throws {
        room = try #require(RoomName("r"))
        one = try #require(NodeStart("n1:0000000000000001"))
        two = try #require(NodeStart("n2:0000000000000002"))
    }

    /// The registry of the test.
    private final class Registry: Sendable {
        let live: Mutex<Set<NodeStart>>

        init(_ live: Set<NodeStart>) {
            self.live = Mutex(live)
        }

        func nodes(_ own: NodeStart) -> RoomNodes {
            RoomNodes(own: own) { self.live.withLock { $0 } }
        }
    }

    private func limits() -> RoomLimits {
        var limits = RoomLimits()
        limits.presenceGrace = .seconds(2)
        limits.presenceRenewal = .seconds(1)
        return limits
    }

    private func isTold(_ node: RoomNode, _ text: String) async throws {
        try await eventually("\(text) is told") { node.watcher.presence.contains { $0.contains(text) } }
    }

    @Test("a player of one node is told on the other, is away when its node dies, and gone after the grace")
    func death() async throws {
        try await withRedisServer { server in
            let registry = Registry([one, two])
            try await RoomNode.run(on: server, limits: limits(), nodes: registry.nodes(one)) { first in
                try await first.enter(room)
                try await RoomNode.run(on: server, limits: limits(), nodes: registry.nodes(two)) { second in
                    let player = RoomMember.player(Player(userID: "u", name: "Uta"))
                    let answer = try await second.rooms.enter(room, as: player)
                    #expect(answer.presence?["players"]?.elements()?.count == 1)
                    try await isTold(first, "\"set\":[{\"id\":\"u\",\"name\":\"Uta\",\"online\":true}]")
                    registry.live.withLock { $0 = [one] }
                    try await isTold(first, "{\"id\":\"u\",\"name\":\"Uta\",\"online\":false}")
                }
                try await isTold(first, "\"del\":[\"u\"]")
                #expect(first.watcher.complaints == [])
            }
        }
    }

    @Test("what a flushed Redis has lost is written again without anybody's doing, and poison is dropped")
    func flushed() async throws {
        try await withRedisServer { server in
            let registry = Registry([one])
            try await RoomNode.run(on: server, limits: limits(), nodes: registry.nodes(one)) { node in
                let player = RoomMember.player(Player(userID: "u", name: "Uta"))
                _ = try await node.rooms.enter(room, as: player)
                let key = "rejoin:room:{r}:here"
                func stored() async -> Int? { try? await node.redis.send("HLEN", [.string(key)]).int }
                try await eventually { await stored() == 3 }
                _ = try await node.redis.send("FLUSHALL")
                try await eventually { await stored() == 3 }
                #expect(try await node.redis.send("PTTL", [.string(key)]).int ?? 0 > 0)
                let invalid = node.rooms.statistics.presenceInvalid
                _ = try await node.redis.send("SPUBLISH", ["rejoin:room:{r}", .string("h \(two) 1 2 9 0\n")])
                try await eventually { node.rooms.statistics.presenceInvalid == invalid + 1 }
                let answer = try await node.rooms.answer(room)
                #expect(answer.presence?["watchers"]?.int == 0)
            }
        }
    }

    @Test("who comes back to a node that had ceased to follow the room is told as soon as anybody")
    func followedAgain() async throws {
        try await withRedisServer { server in
            let registry = Registry([one, two])
            var limits = limits()
            limits.presenceGrace = .seconds(30)
            limits.linger = .zero
            limits.checkInterval = .milliseconds(200)
            let (leaving, patient) = (limits, limits)
            try await RoomNode.run(on: server, limits: patient, nodes: registry.nodes(one)) { first in
                try await first.enter(room)
                try await RoomNode.run(on: server, limits: leaving, nodes: registry.nodes(two)) { second in
                    let player = RoomMember.player(Player(userID: "u", name: "Uta"))
                    _ = try await second.rooms.enter(room, as: player)
                    try await isTold(first, "\"online\":true}]")
                    second.rooms.leave(room, as: player, .lost)
                    try await isTold(first, "\"online\":false}]")
                    try await eventually { second.rooms.statistics.held == 0 }
                    // For longer than a node may be silent that follows the room.
                    let stamp = ContinuousClock.now
                    try await eventually { ContinuousClock.now - stamp > .seconds(5) }
                    let told = first.watcher.presence.count
                    let invalid = first.rooms.statistics.presenceInvalid
                    _ = try await second.rooms.enter(room, as: .player(Player(userID: "w", name: "Wim")))
                    try await eventually { first.watcher.presence.count > told }
                    try await isTold(first, "{\"id\":\"w\",\"name\":\"Wim\",\"online\":true}")
                    #expect(first.rooms.statistics.presenceInvalid == invalid)
                }
            }
        }
    }

    @Test("a room of very many users with long names is read by a connection that lives on")
    func manyLongNames() async throws {
        try await withRedisServer { server in
            let key = "rejoin:room:{r}:here"
            _ = try await server.command(
                "EVAL",
                """
                redis.call('HSET', KEYS[1], '#', 1)
                for i = 1, 9000 do
                    redis.call('HSET', KEYS[1], ARGV[1] .. '|' .. string.rep('i', 1000) .. i, '1 ' .. string.rep('n', 1000))
                end
                local now = redis.call('TIME')
                redis.call('HSET', KEYS[1], ARGV[1], now[1] .. '000 7')
                """, "1", key, two.description)
            let registry = Registry([one, two])
            try await RoomNode.run(on: server, limits: limits(), nodes: registry.nodes(one)) { node in
                let answer = try await node.rooms.enter(room)
                #expect(answer.presence?["total"]?.int ?? 0 > 5_000)
                #expect(answer.presence?["watchers"]?.int == 8)
                #expect(node.rooms.statistics.presenceRead == 1)
            }
        }
    }

    @Test("keys of the wrong kind are no harm to other rooms")
    func poisonedNeighbour() async throws {
        try await withRedisServer { server in
            let registry = Registry([one])
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            try await RoomNode.run(on: server, limits: limits(), eventLoops: [loop], nodes: registry.nodes(one)) {
                node in
                let neighbour = try #require(RoomName("s"))
                try await node.enter(neighbour)
                try await node.enter(room)
                let session = try await node.login("u")
                _ = try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                let key = "rejoin:room:{r}:here"
                func stored() async -> Int? { try? await node.redis.send("HLEN", [.string(key)]).int }
                func isNeighbourThere() async throws -> Bool {
                    try await node.redis.send("EXISTS", ["rejoin:room:{s}:here"]).int == 1
                }
                try await eventually { await stored() == 2 }
                try await eventually { try await isNeighbourThere() }
                _ = try await node.redis.send(
                    "MSET", ["rejoin:room:{s}:here", "no hash", "rejoin:room:{s}", "no hash"])
                _ = try await node.redis.send("DEL", [.string(key), "rejoin:room:{r}"])
                try await eventually { await stored() == 2 }
                try await eventually { node.watcher.room(room)?.version == 0 }
            }
        }
    }
}
