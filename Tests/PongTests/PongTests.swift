import NIOCore
@testable import Pong
import Rooms
import SocketIO
import Testing

@Suite("The rules of pong")
struct PongTests {
    private let game = Pong()
    private let ada = Player(userID: "a", name: "Ada")
    private let bob = Player(userID: "b", name: "Bob")
    private var fields: [String: JSONBytes] = [:]

    init() throws {
        apply(try game.begin(name()))
    }

    private func name() throws -> RoomName { try #require(RoomName("pong")) }

    private mutating func apply(_ changes: [Change]) {
        for change in changes {
            switch change {
            case .set(let field, let value): fields[field] = value
            case .delete(let field): fields[field] = nil
            }
        }
    }

    private mutating func act(_ json: String, by player: Player) throws {
        var room = RoomView(name: try name(), fields: fields)
        let action = try game.action(from: JSONBytes(validating: ByteBuffer(string: json)))
        apply(try game.decide(action, by: player, in: &room))
    }

    private mutating func tick(_ number: Int = 1) throws {
        var room = RoomView(name: try name(), fields: fields)
        apply(try game.tick(Tick(number: number, interval: .milliseconds(33), time: 0, seed: 1), in: &room))
    }

    private mutating func place(_ ball: Pong.Ball) throws {
        apply([try .set("ball", encoding: ball)])
    }

    private func ball() throws -> Pong.Ball { try #require(try fields["ball"]?.decode()) }

    private mutating func sitDown() throws {
        try act("{\"type\":\"sit\",\"side\":\"left\"}", by: ada)
        try act("{\"type\":\"sit\",\"side\":\"right\"}", by: bob)
    }

    @Test("two players sit down, each on a side that is free, and nobody on two")
    mutating func seats() throws {
        try sitDown()
        let eve = Player(userID: "e", name: "Eve")
        #expect(throws: Refusal.rejected("somebody plays there")) {
            var other = self
            try other.act("{\"type\":\"sit\",\"side\":\"left\"}", by: eve)
        }
        try act("{\"type\":\"stand\"}", by: bob)
        #expect(fields["right"] == nil)
        #expect(throws: Refusal.rejected("you play already")) {
            var other = self
            try other.act("{\"type\":\"sit\",\"side\":\"right\"}", by: ada)
        }
        #expect(throws: Refusal.rejected("sit down first")) {
            var other = self
            try other.act("{\"type\":\"move\",\"y\":3}", by: bob)
        }
    }

    @Test(
        "what is no action is a bad request",
        arguments: [
            "{}", "{\"type\":\"fly\"}", "{\"type\":\"sit\"}", "{\"type\":\"move\"}", "{\"type\":\"move\",\"y\":61}",
            "{\"type\":\"move\",\"y\":\"3\"}",
        ])
    func badRequests(json: String) throws {
        var other = self
        let refusal = #expect(throws: Refusal.self) { try other.act(json, by: ada) }
        #expect(refusal?.code == .badRequest)
    }

    @Test("the ball waits for both players")
    mutating func waits() throws {
        try act("{\"type\":\"sit\",\"side\":\"left\"}", by: ada)
        try tick()
        #expect(try ball() == Pong.Ball())
        try act("{\"type\":\"sit\",\"side\":\"right\"}", by: bob)
        try tick()
        #expect(try ball() == Pong.Ball(x: 51, y: 31))
    }

    @Test("it comes back from the walls and from paddles, from where it hits them")
    mutating func bounces() throws {
        try sitDown()
        try place(Pong.Ball(x: 50, y: 1, dx: 1, dy: -1))
        try tick()
        #expect(try ball() == Pong.Ball(x: 51, y: 0, dx: 1, dy: 1))
        try act("{\"type\":\"move\",\"y\":20}", by: ada)
        try place(Pong.Ball(x: 5, y: 26, dx: -1, dy: 0))
        try tick()
        #expect(try ball() == Pong.Ball(x: 4, y: 26, dx: 1, dy: 2))
    }

    @Test("a ball that is let through is a point; the third in a row without a move frees the paddle")
    mutating func points() throws {
        try sitDown()
        for missed in 1...3 {
            try place(Pong.Ball(x: 1, y: 55, dx: -1, dy: 0))
            try tick(missed)
            #expect(try fields["score"]?.decode(Pong.Score.self) == Pong.Score(left: 0, right: missed))
            #expect(try ball().x == 50)
            #expect((fields["left"] == nil) == (missed == 3))
        }
    }

    @Test("a tick that is decided again serves alike")
    mutating func servesAlike() throws {
        try sitDown()
        try place(Pong.Ball(x: 1, y: 55, dx: -1, dy: 0))
        var again = self
        try tick(7)
        try again.tick(7)
        #expect(try ball() == again.ball())
    }
}
