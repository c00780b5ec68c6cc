import RedisClient
import Rooms
import SocketIO
import Testing
import TestSupport

@Suite("Acts and casts of backends on a real Redis", .serialized)
struct BackendActTests {
    private let room: RoomName

    init() throws {
        room = try #require(RoomName("r"))
    }

    /// A game in which nobody may do anything.
    private struct Locked: Game {
        var patchInterval: Duration { .zero }

        func action(from json: JSONBytes) throws(Refusal) {}

        func decide(_ action: Void, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
            throw .rejected("nobody may")
        }
    }

    @Test("acts that nodes which follow no room get four times each are applied once, and answered alike")
    func exactlyOnce() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                try await RoomNode.run(on: server) { second in
                    let answers = try await withThrowingTaskGroup(of: Set<BackendActResult>.self) { group in
                        for act in 0..<100 {
                            group.addTask {
                                let action = "{\"set\":{\"f\(act % 7)\":\(act)}}"
                                async let one = first.actAsBackend(room, "\(act)", action)
                                async let two = second.actAsBackend(room, "\(act)", action)
                                async let three = first.actAsBackend(room, "\(act)", action)
                                async let four = second.actAsBackend(room, "\(act)", action)
                                return try await [one, two, three, four]
                            }
                        }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    #expect(answers.allSatisfy { $0.count == 1 })
                    let epoch = try #require(try await first.redis.send("HGET", ["rejoin:room:{r}", "\0e"]).string)
                    #expect(
                        Set(answers.flatMap { $0 })
                            == Set((1...100).map { .applied(RoomPosition(epoch: epoch, version: $0)) }))
                    #expect(try await server.command("XLEN", "rejoin:room:{r}:log") == "100")
                }
            }
        }
    }

    @Test("whoever is in the room gets the patch, and the node lets the room go again when nobody is")
    func followers() async throws {
        var limits = RoomLimits()
        limits.linger = .milliseconds(50)
        limits.checkInterval = .milliseconds(50)
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: limits) { first in
                try await RoomNode.run(on: server) { second in
                    try await second.enter(room)
                    _ = try await first.actAsBackend(room, "1", "{\"set\":{\"a\":1}}")
                    try await second.settles(room)
                    #expect(second.watcher.room(room)?.fields == ["a": "1"])
                    #expect(second.watcher.complaints == [])
                    try await eventually("the room is let go") { first.rooms.statistics.held == 0 }
                    #expect(first.rooms.statistics.acts == 1)
                }
            }
        }
    }

    @Test("a backend writes every field of every game, and what if says is compared")
    func authority() async throws {
        var games = GameCatalog()
        games.register(Locked(), for: "r")
        try await withRedisServer { server in
            try await RoomNode.run(on: server, games: games) { node in
                let first = try await node.actAsBackend(room, "1", "{\"set\":{\"a\":1,\"@ada/hand\":[7]}}")
                #expect(first.version == 1)
                #expect(
                    try await node.actAsBackend(room, "2", "{\"set\":{\"a\":2},\"if\":{\"a\":1}}").version == 2)
                #expect(
                    try await node.actAsBackend(room, "3", "{\"set\":{\"a\":2},\"if\":{\"a\":1}}").refusal
                        == .conflict)
                #expect(try await node.actAsBackend(room, "2", "{\"set\":{\"a\":9}}").version == 2)
                for action in ["{}", "{\"set\":1}", "{\"put\":{}}", "{\"del\":[\"\"]}", "{\"set\":{\"\\u0000v\":1}}"] {
                    #expect(try await node.actAsBackend(room, "4", action).refusal == .badRequest)
                }
                let name = String(repeating: "n", count: 129)
                #expect(try await node.actAsBackend(room, "5", "{\"set\":{\"\(name)\":1}}").refusal == .tooLarge)
                #expect(try await server.command("XLEN", "rejoin:room:{r}:log") == "2")
            }
        }
    }

    @Test("the log tells a backend's act from a user's, by the label that the backend gave")
    func log() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                _ = try await node.actAsBackend(room, "one", "{\"set\":{\"a\":1}}", label: BackendLabel("shop 2"))
                _ = try await node.actAsBackend(room, "two", "{\"del\":[\"a\"]}")
                try await node.enter(room)
                let session = try await node.login("u")
                // The ids of backends are none of a user's.
                #expect(try await node.act(room, "one", "{\"set\":{\"b\":1}}", as: session).version == 3)
                let entries = try await node.redis.send("XRANGE", ["rejoin:room:{r}:log", "-", "+"]).array ?? []
                let pairs = entries.map { $0.array?.last?.array?.map { $0.string ?? "" } ?? [] }
                #expect(
                    pairs == [
                        ["\0", "\none\nshop 2", "a", "1"], ["\0", "\ntwo", "a", ""], ["\0", "u\none", "b", "1"],
                    ])
                try await node.settles(room)
                #expect(node.watcher.complaints == [])
            }
        }
    }

    @Test("of all backends the last 128 ids of a room are remembered")
    func ring() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                for act in 1...128 {
                    let label = BackendLabel("backend \(act % 3)")
                    _ = try await node.actAsBackend(room, "\(act)", "{\"set\":{\"a\":\(act)}}", label: label)
                }
                #expect(try await node.actAsBackend(room, "1", "{\"set\":{\"a\":0}}").version == 1)
                #expect(try await node.actAsBackend(room, "129", "{\"set\":{\"a\":0}}").version == 129)
                #expect(try await node.actAsBackend(room, "1", "{\"set\":{\"a\":0}}").version == 130)
            }
        }
    }

    @Test("backends begin any number of rooms, of the size that rooms have")
    func limits() async throws {
        var limits = RoomLimits()
        limits.newRoomsPerHour = 1
        limits.maximumFields = 2
        try await withRedisServer { server in
            try await RoomNode.run(on: server, limits: limits) { node in
                for number in 0..<10 {
                    let room = try #require(RoomName("r\(number)"))
                    #expect(try await node.actAsBackend(room, "1", "{\"set\":{\"a\":1,\"b\":1}}").version == 1)
                    #expect(try await node.actAsBackend(room, "2", "{\"set\":{\"c\":1}}").refusal == .tooLarge)
                }
                // Nor has a user begun one by what backends did.
                let session = try await node.login("u")
                try await node.enter(room)
                #expect(try await node.act(room, "1", "{\"set\":{\"a\":1}}", as: session).version == 1)
            }
        }
    }

    @Test("an act is answered as unavailable while Redis is away, and can be sent again")
    func unavailable() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { node in
                server.freeze()
                guard case .unavailable = try await node.actAsBackend(room, "1", "{\"set\":{\"a\":1}}") else {
                    server.thaw()
                    Issue.record("it was not unavailable")
                    return
                }
                server.thaw()
                try await eventually("the act is applied") {
                    try await node.actAsBackend(room, "1", "{\"set\":{\"a\":1}}").version == 1
                }
                #expect(try await server.command("XLEN", "rejoin:room:{r}:log") == "1")
            }
        }
    }

    @Test("a cast of a backend reaches the room on every node, from nobody's id")
    func cast() async throws {
        try await withRedisServer { server in
            try await RoomNode.run(on: server) { first in
                try await RoomNode.run(on: server) { second in
                    try await first.enter(room)
                    try await second.enter(room)
                    try await first.rooms.cast(room, data: try parsed("[1]"), byBackend: "shop")
                    for node in [first, second] {
                        try await eventually("the cast is heard") { node.watcher.casts.count == 1 }
                        #expect(
                            node.watcher.casts.first?.argument
                                == "{\"room\":\"r\",\"by\":{\"id\":\"\",\"name\":\"shop\"},\"data\":[1]}")
                    }
                }
            }
        }
    }
}

extension RoomNode {
    fileprivate func actAsBackend(
        _ room: RoomName, _ id: String, _ action: String, label: BackendLabel? = nil
    ) async throws -> BackendActResult {
        guard let id = ActID(id) else { throw TestSupportError("\(id) is no act id") }
        return await rooms.act(room, id: id, action: try parsed(action), byBackend: label)
    }
}

extension BackendActResult {
    fileprivate var version: Int? {
        if case .applied(let position) = self { position.version } else { nil }
    }

    fileprivate var refusal: Refusal.Code? {
        if case .refused(let refusal) = self { refusal.code } else { nil }
    }
}
