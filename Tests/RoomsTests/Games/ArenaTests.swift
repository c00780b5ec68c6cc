import NIOCore
import SocketIO
import Testing

@testable import Rooms

/// A room in memory that applies what the arena decides.
private struct Board {
    let game = Arena()
    private(set) var fields: [FieldName: RoomField] = [:]
    private(set) var version = 0
    /// What the last act read and wrote.
    private(set) var reads = RoomReads()
    private(set) var written: Set<String> = []

    mutating func act(_ text: String, by userID: String, name: String = "Ada") throws(Refusal) {
        let action = try game.action(from: json(text))
        var view = RoomView(name: RoomName("arena")!, version: version, content: fields)
        let changes = try game.decide(action, by: Player(userID: userID, name: name), in: &view)
        reads = view.reads
        written = Set(changes.map(\.name))
        apply(changes)
    }

    mutating func apply(_ changes: [Change]) {
        version += 1
        for change in changes {
            switch change {
            case .set(let name, let value): fields[FieldName(name)] = RoomField(version: version, value: value)
            case .delete(let name): fields[FieldName(name)] = nil
            }
        }
    }

    func player(_ userID: String) -> ArenaPlayer? { ArenaPlayer(fields[FieldName("@\(userID)/player")]?.value) }

    func owner(_ x: Int, _ y: Int) -> String? { fields[FieldName("tile/\(x)/\(y)")]?.value.string }

    func tiles(of userID: String) -> Int {
        fields.count { $0.key.text.hasPrefix("tile/") && $0.value.value.string == userID }
    }

    /// Puts a player somewhere, with a score.
    mutating func place(_ userID: String, _ x: Int, _ y: Int, score: Int = 0) {
        var player = ArenaPlayer(entering: Player(userID: userID, name: userID))
        (player.x, player.y, player.score) = (x, y, score)
        apply([.set("@\(userID)/player", player.json)])
    }
}

private func json(_ text: String) -> JSONBytes {
    try! JSONBytes(validating: ByteBuffer(string: text))
}

private func move(_ dx: Int, _ dy: Int) -> String { #"{"type":"move","dx":\#(dx),"dy":\#(dy)}"# }

/// The same walk on every run.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

@Suite("Arena")
struct ArenaTests {
    @Test(
        "what is not an action of the game is a bad request",
        arguments: [
            "[]", "1", "{}", #"{"type":"jump"}"#, #"{"type":1}"#, #"{"type":"enter","x":1}"#, #"{"type":"move"}"#,
            #"{"type":"move","dx":0,"dy":0}"#, #"{"type":"move","dx":2,"dy":0}"#, #"{"type":"move","dx":1}"#,
            #"{"type":"move","dx":0.5,"dy":1}"#, #"{"type":"move","dx":"1","dy":0}"#,
            #"{"type":"move","dx":1e300,"dy":0}"#,
            #"{"type":"move","dx":-9223372036854775808,"dy":0}"#, #"{"type":"move","dx":1,"dy":0,"dz":0}"#,
            #"{"type":"enter","type":"enter"}"#, #"{"type":"move","dx":1,"dx":1,"dy":0}"#,
        ])
    func badRequests(text: String) {
        #expect { try Arena().action(from: json(text)) } throws: { ($0 as? Refusal)?.code == .badRequest }
    }

    @Test("a step goes in each of the eight directions")
    func eightDirections() throws {
        for dx in -1...1 {
            for dy in -1...1 where dx != 0 || dy != 0 {
                #expect(try Arena().action(from: json(move(dx, dy))) == .move(dx: dx, dy: dy))
                var board = Board()
                board.place("1", 5, 5)
                try board.act(move(dx, dy), by: "1")
                let player = try #require(board.player("1"))
                #expect((player.x, player.y, player.score) == (5 + dx, 5 + dy, 1))
                #expect(board.owner(5 + dx, 5 + dy) == "1")
            }
        }
    }

    @Test("who enters stands on a tile of the grid and owns it")
    func entering() throws {
        var board = Board()
        try board.act(#"{"type":"enter"}"#, by: "1", name: "A\"d\u{301}a")
        let player = try #require(board.player("1"))
        #expect(player.name == "A\"d\u{301}a")
        #expect(player.isOnGrid && player.score == 1)
        #expect(board.owner(player.x, player.y) == "1")
        #expect(board.written == ["players", "@1/player", "tile/\(player.x)/\(player.y)"])
    }

    @Test("entering twice changes nothing but a new name")
    func enteringTwice() throws {
        var board = Board()
        try board.act(#"{"type":"enter"}"#, by: "1")
        try board.act(move(board.player("1")!.x > 0 ? -1 : 1, 0), by: "1")
        let before = try #require(board.player("1"))
        try board.act(#"{"type":"enter"}"#, by: "1", name: "Ada")
        #expect(board.player("1") == before)
        #expect(board.written == ["@1/player"])
        try board.act(#"{"type":"enter"}"#, by: "1", name: "Countess")
        #expect(board.player("1")?.name == "Countess")
        #expect(board.fields[FieldName("players")]?.value.int == 1)
    }

    @Test("entering takes no tile from anybody")
    func enteringOnAnOwnedTile() throws {
        var board = Board()
        let start = ArenaPlayer(entering: Player(userID: "1", name: "Ada"))
        board.apply([.set("tile/\(start.x)/\(start.y)", JSONBytes(string: "2"))])
        try board.act(#"{"type":"enter"}"#, by: "1")
        #expect(board.player("1")?.score == 0)
        #expect(board.owner(start.x, start.y) == "2")
    }

    @Test("a full arena takes nobody in, and keeps those who are there")
    func fullArena() throws {
        var board = Board()
        for number in 0..<Arena.maximumPlayers { try board.act(#"{"type":"enter"}"#, by: "u\(number)") }
        #expect(throws: Refusal.rejected("the arena is full: 200 players have entered it")) {
            try board.act(#"{"type":"enter"}"#, by: "late")
        }
        try board.act(#"{"type":"enter"}"#, by: "u7")
        #expect(board.fields.count <= 1 + Arena.maximumPlayers + Arena.columns * Arena.rows)
        #expect(1 + Arena.maximumPlayers + Arena.columns * Arena.rows <= 1_024)
    }

    @Test("who enters a full arena takes the place of the player who did nothing for the longest")
    func takingAPlace() throws {
        var board = Board()
        for number in 0..<Arena.maximumPlayers { try board.act(#"{"type":"enter"}"#, by: "u\(number)") }
        let gone = try #require(board.player("u1"))
        for user in ["u0", "u0"] { try board.act(move(board.player(user)!.x > 0 ? -1 : 1, 0), by: user) }
        #expect(board.tiles(of: "u1") == gone.score)
        try board.act(#"{"type":"enter"}"#, by: "late")
        let late = try #require(board.player("late"))
        #expect(board.player("u1") == nil)
        #expect(board.tiles(of: "u1") == 0)
        #expect(late.color == gone.color)
        #expect(late.score == board.tiles(of: "late"))
        #expect(board.fields[FieldName("players")]?.value.int == Arena.maximumPlayers)
        #expect(throws: Refusal.rejected("enter the arena before you move in it")) {
            try board.act(move(1, 0), by: "u1")
        }

        // And so on: nobody who left long ago keeps a newcomer out, and who came last stays.
        for number in 0..<50 { try board.act(#"{"type":"enter"}"#, by: "n\(number)") }
        #expect(board.player("u0") != nil && board.player("late") != nil && board.player("n0") != nil)
        #expect(board.fields.keys.count { ArenaPlayer.userID(of: $0.text) != nil } == Arena.maximumPlayers)
        for (name, field) in board.fields {
            guard let user = ArenaPlayer.userID(of: name.text) else { continue }
            #expect(ArenaPlayer(field.value)?.score == board.tiles(of: user))
        }
    }

    @Test("the first players have colours that differ")
    func coloursInTurn() throws {
        var board = Board()
        for number in 0..<ArenaColor.palette.count { try board.act(#"{"type":"enter"}"#, by: "u\(number)") }
        let colours = (0..<ArenaColor.palette.count).map { board.player("u\($0)")?.color.hex }
        #expect(Set(colours) == Set(ArenaColor.palette))
    }

    @Test("who has not entered cannot move")
    func movingOutside() {
        var board = Board()
        #expect(throws: Refusal.rejected("enter the arena before you move in it")) {
            try board.act(move(1, 0), by: "1")
        }
        #expect(board.version == 0)
    }

    @Test(
        "nobody walks off the grid",
        arguments: [(0, 0, -1, 0), (0, 0, 0, -1), (31, 19, 1, 0), (31, 19, 0, 1), (31, 0, 1, -1)])
    func edges(x: Int, y: Int, dx: Int, dy: Int) {
        var board = Board()
        board.place("1", x, y)
        #expect(throws: Refusal.rejected("the arena ends here")) { try board.act(move(dx, dy), by: "1") }
        #expect(board.player("1")?.x == x && board.player("1")?.y == y)
    }

    @Test("a tile that changes its owner changes both scores")
    func takingATile() throws {
        var board = Board()
        board.place("1", 3, 3)
        board.place("2", 9, 9, score: 4)
        board.apply([.set("tile/4/3", JSONBytes(string: "2"))])
        try board.act(move(1, 0), by: "1")
        #expect(board.owner(4, 3) == "1")
        #expect(board.player("1")?.score == 1)
        #expect(board.player("2")?.score == 3)
        #expect(board.player("2")?.x == 9)
        #expect(board.written == ["@1/player", "@2/player", "tile/4/3"])
    }

    @Test("one's own tile can be walked on, and two players can share a tile")
    func sharing() throws {
        var board = Board()
        board.place("1", 3, 3)
        board.place("2", 5, 3)
        try board.act(move(1, 0), by: "1")
        try board.act(move(-1, 0), by: "2")
        #expect(board.owner(4, 3) == "2")
        #expect((board.player("1")?.x, board.player("2")?.x) == (4, 4))
        try board.act(move(1, 0), by: "2")
        try board.act(move(-1, 0), by: "2")
        #expect(board.player("2")?.score == 2)
        #expect(board.player("1")?.score == 0)
        #expect(board.written == ["@2/player"])
    }

    @Test("players who are apart read and write nothing in common")
    func apart() throws {
        var board = Board()
        board.place("1", 3, 3)
        board.place("2", 20, 10)
        try board.act(move(1, 0), by: "1")
        let first = (board.reads, board.written)
        try board.act(move(1, 0), by: "2")
        #expect(!first.0.isWhole && !board.reads.isWhole)
        #expect(Set(first.0.fields.keys.map(\.text)) == ["@1/player", "tile/4/3"])
        #expect(Set(first.0.fields.keys).isDisjoint(with: board.reads.fields.keys))
        #expect(first.1.isDisjoint(with: board.written))
    }

    @Test("after any walk every score is the number of tiles")
    func scores() throws {
        var board = Board()
        var random = Seeded(state: 42)
        let users = (0..<6).map { "u\($0)" }
        for user in users { try board.act(#"{"type":"enter"}"#, by: user) }
        for _ in 0..<4_000 {
            let dx = Int.random(in: -1...1, using: &random)
            let dy = Int.random(in: -1...1, using: &random)
            if dx != 0 || dy != 0 { try? board.act(move(dx, dy), by: users.randomElement(using: &random)!) }
        }
        for user in users { #expect(board.player(user)?.score == board.tiles(of: user)) }
    }

    @Test(
        "a field that no arena wrote is no player, and traps nothing",
        arguments: [
            "1", "{}", ##"{"name":"a","color":"#e69f00","x":32,"y":0,"score":0}"##,
            ##"{"name":"a","color":"#e69f00","x":9223372036854775807,"y":0,"score":0}"##,
            ##"{"name":"a","color":"red","x":0,"y":0,"score":0}"##,
            ##"{"name":"a","color":"#e69f00","x":0,"y":0,"score":-1}"##,
        ])
    func foreignFields(text: String) throws {
        var board = Board()
        board.apply([.set("@1/player", json(text))])
        #expect(throws: Refusal.self) { try board.act(move(1, 0), by: "1") }
        board.place("2", 3, 3)
        board.apply([.set("tile/4/3", JSONBytes(string: "1")), .set("tile/4/4", json("[1]"))])
        try board.act(move(1, 0), by: "2")
        try board.act(move(0, 1), by: "2")
        #expect(board.player("2")?.score == 2)
        try board.act(#"{"type":"enter"}"#, by: "1")
        #expect(board.player("1") != nil)
    }

    @Test("a player's colour and first tile follow from the user id and are spread")
    func colours() {
        let entrants = (0..<240).map { ArenaPlayer(entering: Player(userID: "u\($0)", name: "")) }
        #expect(ArenaPlayer(entering: Player(userID: "u7", name: "other")).color == entrants[7].color)
        #expect(Set(entrants.map(\.color.hex)).count == ArenaColor.palette.count)
        #expect(Set(entrants.map { $0.y * Arena.columns + $0.x }).count > 150)
        #expect(Set(ArenaColor.palette).count == ArenaColor.palette.count)
    }

    @Test("patches are collected for 50 ms")
    func patchInterval() {
        #expect(Arena().patchInterval == .milliseconds(50))
    }
}
