import NIOCore
import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("Acts on a real Redis", .serialized)
struct CommitTests {
    private let room: RoomName

    init() throws {
        room = try #require(RoomName("r"))
    }

    private func longLog() -> RoomLimits {
        var limits = RoomLimits()
        limits.logLength = 100_000
        return limits
    }

    @Test("2,000 acts, each sent four times to two nodes, are applied once and answered alike")
    func exactlyOnce() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: longLog()) { first in
                try await RoomNode.run(on: server, limits: longLog()) { second in
                    let users = [
                        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "s", "t",
                        "u",
                    ]
                    var sessions: [SessionGuard] = []
                    for user in users { sessions.append(try await first.login(user)) }
                    try await first.enter(room)
                    try await second.enter(room)
                    let answers = try await withThrowingTaskGroup(of: [Set<Int?>].self) { group in
                        for session in sessions {
                            group.addTask {
                                var answers: [Set<Int?>] = []
                                for act in 0..<100 {
                                    async let one = first.act(
                                        room, "\(act)", "{\"set\":{\"\(session.userID)\":\(act)}}", as: session)
                                    async let two = second.act(
                                        room, "\(act)", "{\"set\":{\"\(session.userID)\":\(act)}}", as: session)
                                    async let three = first.act(
                                        room, "\(act)", "{\"set\":{\"\(session.userID)\":\(act)}}", as: session)
                                    async let four = second.act(
                                        room, "\(act)", "{\"set\":{\"\(session.userID)\":\(act)}}", as: session)
                                    answers.append(try await [one.version, two.version, three.version, four.version])
                                }
                                return answers
                            }
                        }
                        return try await group.reduce(into: []) { $0 += $1 }
                    }
                    #expect(answers.count == 2_000)
                    #expect(answers.allSatisfy { $0.count == 1 && $0.first != .some(nil) })
                    #expect(Set(answers.compactMap { $0.first ?? nil }) == Set(1...2_000))
                    for node in [first, second] {
                        try await node.settles(room)
                        #expect(node.watcher.complaints == [])
                        // Steps may be merged where a message was late and the log was read.
                        let versions = try #require(node.watcher.room(room)).history.map(\.version)
                        #expect(versions == Array(Set(versions)).sorted() && versions.last == 2_000)
                        #expect(node.watcher.room(room)?.states == 0)
                    }
                    #expect(try await server.command("XLEN", "rejoin:room:{r}:log") == "2000")
                }
            }
        }
    }

    @Test("200 racing compare-and-sets of one field: each version once, and conflicts are answered")
    func compareAndSet() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                try await RoomNode.run(on: server) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    try await second.enter(room)
                    #expect(try await first.act(room, "start", "{\"set\":{\"n\":0}}", as: session).version == 1)
                    let results = try await withThrowingTaskGroup(of: ActResult.self) { group in
                        for index in 0..<200 {
                            let node = index % 2 == 0 ? first : second
                            group.addTask {
                                try await node.act(
                                    room, "\(index)",
                                    "{\"set\":{\"n\":\(index % 10 + 1)},\"if\":{\"n\":\(index % 10)}}", as: session)
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    let versions = results.compactMap(\.version).sorted()
                    #expect(versions == Array(2..<2 + versions.count))
                    #expect(!versions.isEmpty)
                    #expect(results.allSatisfy { $0.version != nil || $0.refusal == .conflict })
                    for node in [first, second] {
                        try await node.settles(room)
                        #expect(node.watcher.complaints == [])
                    }
                }
            }
        }
    }

    /// Adds one to a field, so that each act reads what every other writes.
    private struct Counter: Game {
        struct Action: Sendable {}
        var patchInterval: Duration { .zero }
        func action(from json: JSONBytes) -> Action { Action() }
        func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
            [.set("n", JSONBytes(integer: (room["n"]?.int ?? 0) + 1))]
        }
    }

    @Test("acts that read what others in flight write lose no update, on one node and on two")
    func counting() async throws {
        try await withRedisServer { server in
            let games = GameCatalog(otherwise: Counter())
            var limits = RoomLimits()
            limits.actWait = .seconds(30)
            try await RoomNode.run(on: server, games: games, limits: limits) { first in
                try await RoomNode.run(on: server, games: games, limits: limits) { second in
                    let session = try await first.login("u")
                    try await first.enter(room)
                    try await second.enter(room)
                    let results = try await withThrowingTaskGroup(of: ActResult.self) { group in
                        for index in 0..<300 {
                            let node = index < 200 ? first : second
                            group.addTask { try await node.act(room, "\(index)", "{}", as: session) }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    let applied = results.compactMap(\.version)
                    #expect(Set(applied) == Set(1...applied.count))
                    #expect(applied.count >= 200)
                    #expect(results.allSatisfy { $0.version != nil || $0.refusal == .conflict })
                    try await first.settles(room)
                    try await second.settles(room)
                    #expect(first.watcher.room(room)?.fields == ["n": "\(applied.count)"])
                }
            }
        }
    }

    @Test("an act whose session ended, changed or is another's is never applied")
    func sessionGuard() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                #expect(try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session) == .applied(version: 1))
                _ = try await node.redis.send("HSET", ["rejoin:session:{h-u}", "login", "0"])
                #expect(try await node.act(room, "2", "{\"set\":{\"a\":2}}", as: session) == .sessionEnded)
                // Not even the answer of an act that was applied.
                #expect(try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session) == .sessionEnded)
                let later = try await node.login("u", generation: 2)
                #expect(try await node.act(room, "2", "{\"set\":{\"a\":2}}", as: session) == .sessionEnded)
                #expect(try await node.act(room, "2", "{\"set\":{\"a\":2}}", as: later) == .applied(version: 2))
                let other = SessionGuard(handle: later.handle, generation: 2, userID: "v")
                #expect(try await node.act(room, "3", "{\"set\":{\"a\":3}}", as: other) == .sessionEnded)
                _ = try await node.redis.send("DEL", ["rejoin:session:{h-u}"])
                #expect(try await node.act(room, "3", "{\"set\":{\"a\":3}}", as: later) == .sessionEnded)
                #expect(try await server.command("XLEN", "rejoin:room:{r}:log") == "2")
            }
        }
    }

    @Test("the limits of fields, names, values and rooms hold, and what shrinks a room is allowed")
    func limits() async throws {
        var limits = RoomLimits()
        limits.maximumFields = 4
        limits.maximumFieldBytes = 100
        limits.maximumRoomBytes = 250
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: limits) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                let name = String(repeating: "n", count: 129)
                let long = "\"" + String(repeating: "x", count: 98) + "\""
                #expect(try await node.act(room, "1", "{\"set\":{\"\(name)\":1}}", as: session).refusal == .tooLarge)
                #expect(
                    try await node.act(room, "2", "{\"set\":{\"\(name.dropFirst())\":1}}", as: session).version == 1)
                #expect(
                    try await node.act(room, "3", "{\"set\":{\"a\":\"1\(long.dropFirst())}}", as: session).refusal
                        == .tooLarge)
                #expect(try await node.act(room, "4", "{\"set\":{\"a\":\(long)}}", as: session).version == 2)
                #expect(try await node.act(room, "5", "{\"set\":{\"b\":\(long)}}", as: session).refusal == .tooLarge)
                #expect(try await node.act(room, "6", "{\"set\":{\"a\":\(long)}}", as: session).version == 3)
                #expect(
                    try await node.act(
                        room, "7", "{\"del\":[\"\(name.dropFirst())\"],\"set\":{\"b\":\(long)}}", as: session
                    ).version == 4)
                #expect(try await node.act(room, "8", "{\"set\":{\"c\":1,\"d\":2}}", as: session).version == 5)
                #expect(try await node.act(room, "9", "{\"set\":{\"e\":1}}", as: session).refusal == .tooLarge)
                #expect(try await node.act(room, "10", "{\"set\":{\"e\":1},\"del\":[\"d\"]}", as: session).version == 6)
                #expect(
                    try await node.act(room, "11", "{\"del\":[\"a\",\"b\",\"c\",\"e\",\"x\"]}", as: session).refusal
                        == .tooLarge)
                #expect(try await node.act(room, "12", "{\"del\":[\"a\",\"b\",\"c\",\"e\"]}", as: session).version == 7)
                let meta = try await node.redis.send("HMGET", ["rejoin:room:{r}", "\0n", "\0b"])
                #expect(meta.array?.map(\.string) == ["0", "0"])
                try await node.settles(room)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("an act that changes nothing has a version; a repeated id has its old one after 127 more, not after 128")
    func ids() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                #expect(try await node.act(room, "with blank", "{\"set\":{\"a\":1}}", as: session).version == 1)
                #expect(try await node.act(room, "same", "{\"set\":{\"a\":1}}", as: session).version == 2)
                // A repeated compare-and-set is not refused for what it has changed itself.
                #expect(
                    try await node.act(room, "cas", "{\"set\":{\"b\":1},\"if\":{\"b\":null}}", as: session).version == 3
                )
                #expect(
                    try await node.act(room, "cas", "{\"set\":{\"b\":1},\"if\":{\"b\":null}}", as: session).version == 3
                )
                #expect(
                    try await node.act(room, "cas2", "{\"set\":{\"b\":1},\"if\":{\"b\":null}}", as: session).refusal
                        == .conflict)
                for act in 4...130 {
                    #expect(try await node.act(room, "n\(act)", "{\"set\":{\"a\":1}}", as: session).version == act)
                }
                #expect(
                    try await node.act(room, "cas", "{\"set\":{\"b\":1},\"if\":{\"b\":null}}", as: session).version == 3
                )
                #expect(try await node.act(room, "n131", "{\"set\":{\"a\":1}}", as: session).version == 131)
                #expect(
                    try await node.act(room, "cas", "{\"set\":{\"b\":1},\"if\":{\"b\":null}}", as: session).refusal
                        == .conflict)
                // Another user's ids are others.
                let other = try await node.login("v")
                #expect(try await node.act(room, "n131", "{\"set\":{\"a\":1}}", as: other).version == 132)
            }
        }
    }

    @Test("a room's keys are kept for the idle time, and a room nobody acts on is never written")
    func keys() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let answer = try await node.enter(room)
                #expect(String(buffer: answer.buffer) == "{\"room\":\"r\",\"epoch\":\"\",\"version\":0,\"state\":{}}")
                #expect(try await server.command("DBSIZE") == "0")
                let session = try await node.login("u")
                _ = try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session)
                for key in ["rejoin:room:{r}", "rejoin:room:{r}:log"] {
                    let life = Int(try await server.command("PTTL", key)) ?? 0
                    #expect(life > 604_700_000 && life <= 604_800_000)
                }
                let life = Int(try await server.command("PTTL", "rejoin:room:{r}:acts")) ?? 0
                #expect(life > 3_600_000 && life <= 3_660_000)
            }
        }
    }

    @Test("scripts that Redis forgot are sent again")
    func scriptsForgotten() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                let session = try await node.login("u")
                try await node.enter(room)
                for act in 1...20 {
                    if act % 5 == 0 { try await server.command("SCRIPT", "FLUSH") }
                    #expect(try await node.act(room, "\(act)", "{\"set\":{\"a\":\(act)}}", as: session).version == act)
                }
            }
        }
    }
}
