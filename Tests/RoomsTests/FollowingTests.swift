import NIOCore
import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("Following rooms on a real Redis", .serialized)
struct FollowingTests {
    private let room: RoomName

    init() throws {
        room = try #require(RoomName("r"))
    }

    /// Shared objects whose changes are collected.
    private struct Slow: Game {
        typealias Action = SharedObject.Action
        let patchInterval: Duration
        func action(from json: JSONBytes) throws(Refusal) -> Action { try SharedObject().action(from: json) }
        func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
            try SharedObject().decide(action, by: player, in: &room)
        }
    }

    @Test("what is missed while subscriptions are killed is read from the log")
    func subscriberKilled() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                try await RoomNode.run(on: server) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    try await second.enter(room)
                    for act in 1...300 {
                        if act % 50 == 0 { try await server.command("CLIENT", "KILL", "TYPE", "pubsub") }
                        try await eventually {
                            try await first.act(room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session).version == act
                        }
                    }
                    for node in [first, second] {
                        try await node.settles(room)
                        #expect(node.watcher.complaints == [])
                        #expect(node.watcher.room(room)?.states == 0)
                        #expect(node.rooms.statistics.gapsFilled > 0)
                    }
                }
            }
        }
    }

    @Test("a lost message of an act is noticed by the act itself, and by the check")
    func lostMessage() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"set\":{\"n\":1}}", as: session)
                try await node.settles(room)
                // What a node that nobody hears would write.
                let epoch = try #require(node.watcher.room(room)?.epoch)
                _ = try await node.redis.send("HSET", ["rejoin:room:{r}", "\0v", "2", "n", "2:2"])
                _ = try await node.redis.send("XADD", ["rejoin:room:{r}:log", "2-0", "n", "2"])
                #expect(
                    try await node.act(room, "2", "{\"set\":{\"n\":3},\"if\":{\"n\":2}}", as: session).refusal == nil)
                try await node.settles(room)
                _ = try await node.redis.send("HSET", ["rejoin:room:{r}", "\0v", "4", "n", "4:4"])
                _ = try await node.redis.send("XADD", ["rejoin:room:{r}:log", "4-0", "n", "4"])
                try await node.settles(room)
                #expect(node.watcher.room(room)?.version == 4)
                #expect(node.watcher.room(room)?.epoch == epoch)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("who knows a room empty is told its first steps as patches, also when their messages were lost")
    func lostFirstSteps() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                let replicationID = try #require(node.redis.server?.replicationID)
                _ = try await node.redis.send(
                    "HSET",
                    [
                        "rejoin:room:{r}", "\0v", "2", "\0e", "epoch", "\0r", .string(replicationID), "\0n", "1", "\0b",
                        "2",
                        "n", "2:2",
                    ])
                for version in ["1", "2"] {
                    _ = try await node.redis.send(
                        "XADD", ["rejoin:room:{r}:log", .string("\(version)-0"), "n", .string(version)])
                }
                #expect(try await node.act(room, "3", "{\"set\":{\"m\":3}}", as: session).version == 3)
                try await node.settles(room)
                let seen = try #require(node.watcher.room(room))
                #expect(seen.states == 0)
                #expect(seen.history.map(\.version) == [0, 2, 3])
                #expect(node.watcher.complaints == [])
                #expect(try await node.rooms.answer(room, since: RoomPosition(epoch: "epoch", version: 0)).version == 3)
            }
        }
    }

    @Test("what a replica misses is answered with all of the room when the log is much larger")
    func largeLog() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                let session = try await first.login("u")
                try await first.enter(room)
                let text = String(repeating: "x", count: 16_000)
                for act in 1...80 {
                    let action = "{\"set\":{\"a\":\"\(text)\",\"n\":\(act)}}"
                    #expect(try await first.act(room, "\(act)", action, as: session).version == act)
                }
                try await first.settles(room)
                let epoch = try #require(first.watcher.room(room)?.epoch)
                try await RoomNode.run(on: server) { second in
                    try await second.enter(room)
                    for (version, isWithin) in [(79, true), (30, true), (1, false)] {
                        let answer = try await second.rooms.answer(
                            room, since: RoomPosition(epoch: epoch, version: version))
                        #expect(answer.version == 80)
                        #expect((answer.object["patches"] != nil) == isWithin)
                        #expect((answer.object["state"] == nil) == isWithin)
                    }
                }
            }
        }
    }

    @Test("an empty Redis, and one with an old snapshot, begin new epochs; nobody is thrown off and acts go on")
    func restarts() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                var session = try await node.login("u")
                try await node.enter(room)
                for act in 1...5 { _ = try await node.act(room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session) }
                try await server.command("SAVE")
                for act in 6...9 { _ = try await node.act(room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session) }
                try await node.settles(room)
                let first = try #require(node.watcher.room(room))
                #expect(first.version == 9)

                server.kill()
                let away = try await node.act(room, "10", "{\"set\":{\"n\":10}}", as: session)
                guard case .unavailable = away else {
                    Issue.record("\(away)")
                    return
                }
                #expect(node.watcher.room(room) == first)
                try await server.restart()
                try await node.settles(room)
                let second = try #require(node.watcher.room(room))
                #expect(second.version == 5)
                #expect(second.epoch != first.epoch)
                #expect(second.fields == ["n": "5"])
                // The Redis that came back does not remember this id: the act is decided anew.
                #expect(try await node.act(room, "9", "{\"set\":{\"n\":90}}", as: session).version == 6)

                server.kill()
                _ = try await ChildProcess(
                    "rm", arguments: ["-f", server.folder + "/dump.rdb"], outputPath: server.folder + "/redis.log"
                ).wait()
                try await server.restart()
                try await node.settles(room)
                #expect(node.watcher.room(room)?.epoch == "")
                #expect(node.watcher.room(room)?.fields == [:])
                #expect(try await node.act(room, "1", "{\"set\":{\"n\":1}}", as: session) == .sessionEnded)
                session = try await node.login("u")
                #expect(try await node.act(room, "1", "{\"set\":{\"n\":1}}", as: session).version == 1)
                try await node.settles(room)
                #expect(![first.epoch, second.epoch, ""].contains(node.watcher.room(room)?.epoch))
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("a promoted replica begins a new epoch although the node knew an older replication id")
    func replicationIDChanges() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"set\":{\"n\":1}}", as: session)
                try await node.settles(room)
                let epoch = try #require(node.watcher.room(room)?.epoch)
                // A new replication id behind the same connection, as when a first replica attaches.
                try await server.command("REPLICAOF", "127.0.0.1", "\(server.port)")
                try await server.command("REPLICAOF", "NO", "ONE")
                let fresh = try #require(RoomName("fresh"))
                try await RoomNode.run(on: server) { other in
                    try await other.enter(room)
                    try await node.settles(room)
                    #expect(node.watcher.room(room)?.epoch != epoch)
                    #expect(node.watcher.room(room)?.version == 1)
                    try await node.enter(fresh)
                    #expect(try await node.act(fresh, "1", "{\"set\":{\"n\":1}}", as: session).version == 1)
                    #expect(try await node.act(room, "2", "{\"set\":{\"n\":2}}", as: session).version == 2)
                    try await node.settles(room)
                    try await other.settles(room)
                    #expect(node.watcher.complaints + other.watcher.complaints == [])
                }
            }
        }
    }

    @Test("a join with a position gets patches from memory and from the log, and a snapshot beyond it")
    func since() async throws {
        var limits = RoomLimits()
        limits.logLength = 400
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: limits) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                for act in 1...900 {
                    let action = act % 3 == 0 ? "{\"del\":[\"f\(act % 7)\"]}" : "{\"set\":{\"f\(act % 7)\":\(act)}}"
                    #expect(try await node.act(room, "\(act)", action, as: session).version == act)
                }
                try await node.settles(room)
                let now = try #require(node.watcher.room(room))
                func answer(_ version: Int, epoch: String? = nil) async throws -> JSONBytes {
                    let position = RoomPosition(epoch: epoch ?? now.epoch, version: version)
                    let answer = try await node.rooms.answer(room, since: position)
                    #expect(answer.position == RoomPosition(epoch: now.epoch, version: 900))
                    return answer.object
                }
                #expect(try await answer(900)["patches"]?.elements()?.isEmpty == true)
                for version in [899, 800, 645, 644, 643, 600, 520] {
                    let patches = try #require(try await answer(version)["patches"]?.elements())
                    #expect(patches.count == 1)
                    #expect(patches.first?["from"]?.int == version)
                    #expect(patches.first?["version"]?.int == 900)
                    for (name, value) in patches.first?["set"]?.members() ?? [] {
                        #expect(now.fields[name] == String(buffer: value.buffer))
                    }
                    for name in patches.first?["del"]?.elements() ?? [] {
                        #expect(now.fields[name.string ?? ""] == nil)
                    }
                    let names = Set(patches[0]["set"]?.members()?.map(\.key) ?? [])
                        .union(patches[0]["del"]?.elements()?.compactMap(\.string) ?? [])
                    #expect(names == Set((version + 1...900).map { "f\($0 % 7)" }))
                }
                #expect(try await answer(10)["state"]?.members()?.count == now.fields.count)
                #expect(try await answer(900, epoch: "other")["state"] != nil)
                #expect(try await answer(0, epoch: "")["state"] != nil)
                #expect(try await answer(0)["state"] != nil)
                #expect(try await answer(899, epoch: "é\"")["state"] != nil)

                // A version nobody reached: Redis lost it, so the epoch is over.
                let ahead = try await node.rooms.answer(room, since: RoomPosition(epoch: now.epoch, version: 1_000))
                #expect(ahead.version == 900)
            }
        }
    }

    @Test("what a room had within its interval leaves as one patch, and a join in between is not ahead of it")
    func merging() async throws {
        let games = GameCatalog(otherwise: Slow(patchInterval: .milliseconds(400)))
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                try await node.settles(room)
                let before = try #require(node.watcher.room(room))
                for act in 2...40 {
                    let action = act % 2 == 0 ? "{\"set\":{\"a\":\(act),\"b\":1}}" : "{\"del\":[\"b\"]}"
                    _ = try await node.act(room, "\(act)", action, as: session)
                }
                _ = try await node.act(room, "41", "{\"del\":[\"b\"]}", as: session)
                try await eventually { try await node.rooms.answer(room).version == 41 }
                try await node.settles(room)
                let after = try #require(node.watcher.room(room))
                #expect(after.fields == ["a": "40"])
                #expect(after.patches - before.patches <= 5)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("the first change after a pause leaves at once, and what follows within the interval does not")
    func leadingEdge() async throws {
        let games = GameCatalog(otherwise: Slow(patchInterval: .seconds(3_600)))
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                _ = try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                try await eventually { node.watcher.room(room)?.version == 1 }
                for act in 2...9 { _ = try await node.act(room, "\(act)", "{\"set\":{\"a\":\(act)}}", as: session) }
                try await eventually { try await node.rooms.answer(room).version == 9 }
                #expect(node.watcher.room(room)?.patches == 1)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("what changes while a patch is on its way leaves as one patch after it, and acts are answered meanwhile")
    func backPressure() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                node.watcher.holdPatches()
                for round in 0..<3 {
                    let first = round * 10 + 1
                    for act in first..<first + 10 {
                        let action = act % 10 == 5 ? "{\"del\":[\"f3\"]}" : "{\"set\":{\"f\(act % 10)\":\(act)}}"
                        #expect(try await node.act(room, "\(act)", action, as: session).version == act)
                        // The first may have to wait, for the pause that a slow patch is followed by.
                        try await eventually { node.watcher.room(room)?.patches == 2 * round + 1 }
                    }
                    try await eventually { try await node.rooms.answer(room).version == first + 9 }
                    #expect(node.watcher.room(room)?.patches == 2 * round + 1)
                    node.watcher.releasePatches()
                    node.watcher.holdPatches()
                    // A join in between is told more than the patch that is to come begins with.
                    #expect(try await node.enter(room)["version"]?.int == first + 9)
                    try await eventually { node.watcher.room(room)?.patches == 2 * round + 2 }
                    node.watcher.releasePatches()
                    node.watcher.holdPatches()
                    try await node.settles(room)
                }
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("a snapshot does not wait for a patch that is on its way")
    func snapshotMeanwhile() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                var session = try await node.login("u")
                try await node.enter(room)
                node.watcher.holdPatches()
                for act in 1...3 { _ = try await node.act(room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session) }
                try await eventually { node.watcher.room(room)?.version == 1 }
                try await server.command("FLUSHALL")
                session = try await node.login("u")
                try await eventually { node.watcher.room(room)?.states == 1 }
                _ = try await node.act(room, "4", "{\"set\":{\"n\":4}}", as: session)
                node.watcher.releasePatches()
                try await node.settles(room)
                #expect(node.watcher.room(room)?.version == 1)
                #expect(node.watcher.room(room)?.fields == ["n": "4"])
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("a room that everybody left is not followed for long, and is true when somebody comes back")
    func leaving() async throws {
        var limits = RoomLimits()
        limits.linger = .zero
        limits.checkInterval = .milliseconds(50)
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: limits) { first in
                try await RoomNode.run(on: server, limits: limits) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    try await second.enter(room)
                    second.rooms.leave(room)
                    try await eventually { second.rooms.statistics.held == 0 }
                    #expect(
                        try await server.command("PUBSUB", "SHARDNUMSUB", "rejoin:room:{r}") == "rejoin:room:{r}\n1")
                    _ = try await first.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                    let answer = try await second.enter(room)
                    #expect(answer["version"]?.int == 1)
                    // Comings and goings while the subscription ends.
                    for _ in 0..<200 {
                        second.rooms.leave(room)
                        _ = try await second.rooms.enter(room)
                    }
                    _ = try await first.act(room, "2", "{\"set\":{\"a\":2}}", as: session)
                    try await second.settles(room)
                    #expect(second.watcher.complaints == [])
                    #expect(second.rooms.statistics.held == 1)
                }
            }
        }
    }

    @Test("a cast reaches the sockets of every node but the sender's own, and garbage on the channel nobody")
    func casts() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                try await RoomNode.run(on: server) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    try await second.enter(room)
                    for garbage in [
                        "", "p", "x", "p e 0 1 1\n3 0 a", "p e 0 1 1\n1 2 a{{", "p e 0 5 0\n", "c 3 ab", "c 1 a[]",
                        "p e 0 1 99999999999999999999\n", "p e 0 1 1\n-1 1 a", "p e 9 10 0\n",
                        "p e 0 1 1\n1 1 \0" + "1",
                    ] {
                        _ = try await first.redis.send("SPUBLISH", ["rejoin:room:{r}", .string(garbage)])
                    }
                    try await first.rooms.cast(
                        room, data: try parsed("{\"x\":[1]}"), by: Player(userID: "u", name: "Ü"), socketID: "s1")
                    for node in [first, second] {
                        try await eventually { !node.watcher.casts.isEmpty }
                        #expect(
                            node.watcher.casts.first?.argument
                                == "{\"room\":\"r\",\"by\":{\"id\":\"u\",\"name\":\"Ü\"},\"data\":{\"x\":[1]}}")
                        #expect(node.watcher.casts.first?.except == "s1")
                        #expect(node.rooms.statistics.invalid >= 9)
                    }
                    _ = try await first.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                    try await first.settles(room)
                    try await second.settles(room)
                    #expect(first.watcher.complaints + second.watcher.complaints == [])
                }
            }
        }
    }

    @Test("with Redis away a room cannot be entered, the one that is stays, and all goes on by itself")
    func away() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                try await node.enter(room)
                let other = try #require(RoomName("other"))
                server.kill()
                await #expect(throws: RoomError.self) { try await node.enter(other) }
                #expect(try await node.rooms.answer(room).version == 0)
                #expect(node.rooms.statistics.held == 1)
                try await server.restart()
                try await eventually { (try? await node.enter(other)) != nil }
                let session = try await node.login("u")
                #expect(try await node.act(other, "1", "{\"set\":{\"a\":1}}", as: session).version == 1)
                #expect(try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session).version == 1)
                try await node.settles(room)
                try await node.settles(other)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("an act that comes while another node begins to follow the room is there without a check")
    func actsWhileLoading() async throws {
        try await withRedisServer { server in
            var limits = RoomLimits()
            limits.checkInterval = .seconds(3_600)
            try await RoomNode.run(on: server, limits: limits) { first in
                try await RoomNode.run(on: server, limits: limits) { second in
                    let session = try await first.login("u1")
                    for number in 0..<300 {
                        let room = try #require(RoomName("r\(number)"))
                        try await first.enter(room)
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask { try await second.enter(room) }
                            group.addTask {
                                for act in 0..<3 {
                                    let result = try await first.act(
                                        room, "\(act)", "{\"set\":{\"n\":\(act)}}", as: session)
                                    #expect(result.version == act + 1)
                                }
                            }
                            try await group.waitForAll()
                        }
                        try await eventually("the room is whole") {
                            second.watcher.room(room)?.version == 3
                        }
                    }
                }
            }
        }
    }
}
