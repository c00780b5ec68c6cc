/// Which game is played in which room.
public struct GameCatalog: Sendable {
    private struct Entry: Sendable {
        let kind: String
        let game: any Game
    }

    private var entries: [Entry] = []
    private let otherwise: any Game

    /// - Parameter otherwise: the game of every room that no other game is registered for.
    public init(otherwise: any Game = SharedObject()) {
        Self.check(otherwise)
        self.otherwise = otherwise
    }

    /// Plays a game in the room of this name and in those whose names begin with it and a colon: for `arena` that is
    /// `arena` and `arena:*`.
    public mutating func register(_ game: any Game, for kind: String) {
        Self.check(game)
        entries.append(Entry(kind: kind, game: game))
    }

    /// The game of a room; of several, the one registered last.
    public func game(for room: RoomName) -> any Game {
        let name = room.string
        return entries.last { name == $0.kind || name.hasPrefix($0.kind + ":") }?.game ?? otherwise
    }

    private static func check(_ game: any Game) {
        precondition(0...60 ~= game.ticksPerSecond, "a game ticks 0 to 60 times a second")
        precondition(game.patchInterval >= .zero, "a patch interval is zero or more")
    }
}
