import NIOCore
import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("Ticks on a real Redis", .serialized)
struct TickingTests {
    private static let lease = "rejoin:room:{r}:tick"
    private let room: RoomName
    private let games: GameCatalog

    init() throws {
        room = try #require(RoomName("r"))
        games = GameCatalog(otherwise: Metronome())
    }

    private func ticks(_ node: RoomNode) -> Int {
        node.watcher.room(room)?.fields["ticks"].flatMap(Int.init) ?? 0
    }

    private func version(_ server: RedisServer) async throws -> Int {
        Int(try await server.command("EVAL", "return redis.call('HGET', KEYS[1], '\\0v')", "1", "rejoin:room:{r}")) ?? 0
    }

    /// Scripts that Redis has run.
    private func scripts(_ server: RedisServer) async throws -> Int {
        let line = try await server.command("INFO", "commandstats").split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("cmdstat_evalsha:")
        }
        return line?.split(separator: "=").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
    }

    @Test("a room does not tick before its first act, then each tick is one version and one step")
    func ticksAreSteps() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                let before = try await scripts(server)
                try await eventually { try await scripts(server) > before }
                #expect(try await version(server) == 0)
                #expect(try await server.command("EXISTS", Self.lease) == "0")
                #expect(try await node.act(room, "1", "{\"add\":1}", as: session).version == 1)
                try await eventually { ticks(node) >= 20 }
                let log = try await server.command("XRANGE", "rejoin:room:{r}:log", "-", "+").split(separator: "\n")
                let steps = log.indices.filter { log[$0] == "ticks" }.compactMap { Int(log[$0 + 1]) }
                #expect(steps == Array(0..<steps.count))
                let time = try #require(node.watcher.room(room)?.fields["redis"].flatMap(Int.init))
                let now = try #require(Int(try await server.command("TIME").split(separator: "\n")[0]))
                #expect(abs(time / 1_000 - now) <= 1)
                #expect(node.watcher.complaints == [])
                #expect(node.rooms.statistics.ticks >= 20)
            }
        }
    }

    @Test("two nodes with players in a room: one ticks; when it is gone, the other does within 2 s")
    func holderDies() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { second in
                try await RoomNode.run(on: server, games: games) { first in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    _ = try await first.act(room, "1", "{\"add\":1}", as: session)
                    try await eventually { ticks(first) >= 5 }
                    try await second.enter(room)
                    let before = ticks(first)
                    try await eventually { ticks(second) >= before + 30 }
                    #expect(second.rooms.statistics.ticks == 0 && second.rooms.statistics.ticking == 0)
                    #expect(first.rooms.statistics.ticks >= 30 && first.rooms.statistics.ticking == 1)
                }
                let before = ticks(second)
                let gone = ContinuousClock.now
                try await eventually { ticks(second) >= before + 3 }
                #expect(ContinuousClock.now - gone < .seconds(2))
                #expect(second.rooms.statistics.takeovers == 1 && second.rooms.statistics.ticking == 1)
                #expect(second.watcher.complaints == [])
            }
        }
    }

    @Test("a node that leaves hands the clock over at once")
    func handover() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { first in
                try await RoomNode.run(on: server, games: games) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    _ = try await first.act(room, "1", "{\"add\":1}", as: session)
                    try await eventually { ticks(first) >= 5 }
                    try await second.enter(room)
                    // By the rounds alone, each would take 200 ms on average.
                    var taken = Duration.zero
                    var (leaving, staying) = (first, second)
                    for _ in 0..<4 {
                        let before = staying.rooms.statistics.ticks
                        let left = ContinuousClock.now
                        leaving.rooms.pauseTicking()
                        try await eventually { staying.rooms.statistics.ticks > before }
                        taken += ContinuousClock.now - left
                        let last = leaving.rooms.statistics.ticks
                        // For longer than whoever leaves takes no clock.
                        try await eventually { staying.rooms.statistics.ticks >= before + 60 }
                        #expect(leaving.rooms.statistics.ticks <= last + 1 && leaving.rooms.statistics.ticking == 0)
                        (leaving, staying) = (staying, leaving)
                    }
                    #expect(taken < .milliseconds(400))
                    #expect(first.watcher.complaints == [])
                }
            }
        }
    }

    @Test("the last one in a room takes its clock along, and whoever comes starts it again")
    func nobodyIn() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"add\":1}", as: session)
                try await eventually { ticks(node) >= 5 }
                node.rooms.leave(room)
                try await eventually { try await server.command("EXISTS", Self.lease) == "0" }
                let stopped = try await version(server)
                let before = try await scripts(server)
                try await eventually { try await scripts(server) > before }
                #expect(try await version(server) == stopped)
                try await node.enter(room)
                try await eventually { ticks(node) >= stopped + 10 }
            }
        }
    }

    @Test("a room that Redis has lost ticks again as soon as somebody acts in it")
    func deleted() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "0", "{\"add\":1}", as: session)
                for round in 1...5 {
                    try await eventually { ticks(node) >= 5 }
                    _ = try await server.command(
                        "DEL", "rejoin:room:{r}", "rejoin:room:{r}:log", "rejoin:room:{r}:acts")
                    try await eventually { node.watcher.room(room)?.version == 0 }
                    // For longer than from one turn to the next, and as a rule before the next round of leases.
                    let lost = ContinuousClock.now
                    try await eventually { ContinuousClock.now - lost > .milliseconds(50) }
                    let result = try await node.act(room, "\(round)", "{\"add\":1}", as: session)
                    #expect(result.version == 1)
                }
                try await eventually { ticks(node) >= 5 }
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("a commit with a token that is not the lease's is refused, whoever has the lease, or nobody")
    func fencing() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"add\":1}", as: session)
                try await eventually { ticks(node) >= 5 }
                let token = try await server.command("GET", Self.lease)
                #expect(token.count == 22)

                // Another node has it, and this one does not know.
                try await server.command("SET", Self.lease, "another", "PX", "60000")
                let stopped = try await version(server)
                let before = try await scripts(server)
                try await eventually { try await scripts(server) >= before + 3 }
                #expect(try await version(server) == stopped)
                #expect(try await server.command("GET", Self.lease) == "another")
                // Players act all the same.
                #expect(try await node.act(room, "2", "{\"add\":1}", as: session).version == stopped + 1)

                // Nobody has it.
                try await server.command("DEL", Self.lease)
                try await eventually { try await version(server) >= stopped + 10 }
                let next = try await server.command("GET", Self.lease)
                #expect(next != token && next != "another")
                try await server.command("DEL", Self.lease)
                try await eventually { try await server.command("EXISTS", Self.lease) == "1" }
                #expect(try await server.command("GET", Self.lease) != next)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("what changes nothing writes nothing")
    func idle() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"add\":1}", as: session)
                try await eventually { ticks(node) >= 5 }
                let act = try await node.act(room, "2", "{\"add\":1,\"stop\":true}", as: session)
                let stopped = try #require(act.version)
                let before = node.rooms.statistics.ticks
                try await eventually { node.rooms.statistics.ticks >= before + 20 }
                #expect(try await version(server) == stopped)
                _ = try await node.act(room, "3", "{\"add\":1,\"stop\":false}", as: session)
                try await eventually { try await version(server) >= stopped + 10 }
            }
        }
    }

    @Test("neither do acts keep a tick from its turn, nor ticks an act")
    func fair() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                try await node.enter(room)
                let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                    for user in 0..<16 {
                        let session = try await node.login("u\(user)")
                        group.addTask {
                            var applied = 0
                            while node.rooms.statistics.ticks < 50 {
                                let result = try await node.act(
                                    room, "\(applied)", "{\"add\":1,\"alone\":true}", as: session)
                                guard result.version != nil else { throw TestSupportError("\(result)") }
                                applied += 1
                            }
                            return applied
                        }
                    }
                    return try await group.reduce(0, +)
                }
                try await node.settles(room)
                #expect(applied > 200)
                let sums = node.watcher.room(room)?.fields.filter { $0.key.hasPrefix("sum of") }.compactMap {
                    Int($0.value)
                }
                #expect(sums?.reduce(0, +) == applied)
                #expect(node.rooms.statistics.ticksSkipped < 100)
            }
        }
    }
}
