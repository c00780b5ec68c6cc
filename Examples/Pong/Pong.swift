import Rooms
import SocketIO

/// Pong for two players and any number of watchers, in rooms of their own.
///
/// The fields of a room: `ball`, `score`, and a paddle for each side that somebody plays, `left` and `right`. The table is
/// 100 wide and 60 high; a paddle reaches 7 up and down from its middle.
struct Pong: Game {
    enum Side: String, Codable, CaseIterable {
        case left, right

        /// Where its paddle stands.
        var x: Int { self == .left ? 4 : 96 }
    }

    struct Paddle: Codable {
        var user: String
        var name: String
        var y = 30
        /// Balls let through since it was moved last.
        var missed = 0
    }

    struct Ball: Codable, Equatable {
        var x = 50, y = 30
        /// How far it goes with each tick.
        var dx = 1, dy = 1
    }

    struct Score: Codable, Equatable {
        var left = 0, right = 0
    }

    /// What players send: `{"type":"sit","side":"left"}`, `{"type":"move","y":12}`, `{"type":"stand"}`.
    struct Action: Decodable {
        enum Kind: String, Decodable { case sit, move, stand }
        var type: Kind
        var side: Side?
        var y: Int?
    }

    var ticksPerSecond: Int { 30 }

    func begin(_ room: RoomName) throws(Refusal) -> [Change] {
        try [.set("ball", encoding: Ball()), .set("score", encoding: Score())]
    }

    func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
        let mine = Side.allCases.first { room.read($0.rawValue, as: Paddle.self)?.user == player.userID }
        switch action.type {
        case .sit:
            guard let side = action.side else { throw .badRequest("side is left or right") }
            guard mine == nil else { throw .rejected("you play already") }
            guard room[side.rawValue] == nil else { throw .rejected("somebody plays there") }
            return [try .set(side.rawValue, encoding: Paddle(user: player.userID, name: player.name))]
        case .move:
            guard let y = action.y, 0...60 ~= y else { throw .badRequest("y is 0 to 60") }
            guard let mine, var paddle = room.read(mine.rawValue, as: Paddle.self) else {
                throw .rejected("sit down first")
            }
            (paddle.y, paddle.missed) = (y, 0)
            return [try .set(mine.rawValue, encoding: paddle)]
        case .stand:
            guard let mine else { throw .rejected("you do not play") }
            return [.delete(mine.rawValue)]
        }
    }

    /// The ball goes on while both sides are played.
    func tick(_ tick: Tick, in room: inout RoomView) throws(Refusal) -> [Change] {
        guard room["left"] != nil, room["right"] != nil, var ball = room.read("ball", as: Ball.self) else { return [] }
        ball.x += ball.dx
        ball.y += ball.dy
        if ball.y <= 0 || ball.y >= 60 {
            ball.dy = -ball.dy
            ball.y = min(max(ball.y, 0), 60)
        }
        let side: Side = ball.dx < 0 ? .left : .right
        if ball.x == side.x, let paddle = room.read(side.rawValue, as: Paddle.self), abs(paddle.y - ball.y) <= 7 {
            ball.dx = -ball.dx
            ball.dy = (ball.y - paddle.y) / 3
        }
        guard ball.x <= 0 || ball.x >= 100 else { return [try .set("ball", encoding: ball)] }
        return try point(against: side, tick, &room)
    }

    /// Whoever lets three balls through without a move has gone: the paddle is free for somebody else.
    private func point(against side: Side, _ tick: Tick, _ room: inout RoomView) throws(Refusal) -> [Change] {
        var random = tick.random
        var score = room.read("score", as: Score.self) ?? Score()
        if side == .left { score.right += 1 } else { score.left += 1 }
        let serve = Ball(dx: side == .left ? -1 : 1, dy: Int.random(in: -1...1, using: &random))
        var changes: [Change] = try [.set("ball", encoding: serve), .set("score", encoding: score)]
        if var paddle = room.read(side.rawValue, as: Paddle.self) {
            paddle.missed += 1
            changes.append(paddle.missed < 3 ? try .set(side.rawValue, encoding: paddle) : .delete(side.rawValue))
        }
        return changes
    }
}
