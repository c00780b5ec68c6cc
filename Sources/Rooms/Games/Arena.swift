public import SocketIO

/// The demo game: a grid whose tiles players claim by walking (`docs/arena.md`).
///
/// Actions are `{"type":"enter"}` and `{"type":"move","dx":-1|0|1,"dy":-1|0|1}`, one step in one of eight directions. A
/// move reads and writes the player's own field, the tile it ends on and, when the tile was somebody else's, that
/// player's field: players who are apart never conflict.
public struct Arena: Game {
    public enum Action: Sendable, Hashable {
        case enter
        /// Each of them -1, 0 or 1, and not both 0.
        case move(dx: Int, dy: Int)
    }

    /// Tiles from left to right.
    public static let columns = 32
    /// Tiles from top to bottom.
    public static let rows = 20
    /// Players that are in; with the tiles they stay below the 1,024 fields of a room.
    public static let maximumPlayers = 200

    /// How many players are in. A field of its own, so that only those who enter conflict over it.
    static let playerCount = "players"

    public init() {}

    public var patchInterval: Duration { .milliseconds(50) }

    public func action(from json: JSONBytes) throws(Refusal) -> Action {
        guard let members = json.members() else { throw .badRequest("an action is an object") }
        var keys: [String: JSONBytes] = [:]
        for (key, value) in members {
            guard keys.updateValue(value, forKey: key) == nil else { throw .badRequest("a key is there twice") }
        }
        switch keys.removeValue(forKey: "type")?.string {
        case "enter":
            guard keys.isEmpty else { throw .badRequest("enter has the key type only") }
            return .enter
        case "move":
            let dx = try Self.step(keys.removeValue(forKey: "dx"), named: "dx")
            let dy = try Self.step(keys.removeValue(forKey: "dy"), named: "dy")
            guard keys.isEmpty else { throw .badRequest("move has the keys type, dx and dy only") }
            guard dx != 0 || dy != 0 else { throw .badRequest("dx and dy are not both 0") }
            return .move(dx: dx, dy: dy)
        default:
            throw .badRequest("type is enter or move")
        }
    }

    public func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
        switch action {
        case .enter: try enter(player, &room)
        case .move(let dx, let dy): try move(player, dx, dy, &room)
        }
    }

    /// A new player begins on the tile that follows from the user id, and owns it when nobody did. Who is in already
    /// stays as it was, but for a name that has changed: an act has to change something. Colours are given in turn, so
    /// that few players have twelve hues between them.
    private func enter(_ player: Player, _ room: inout RoomView) throws(Refusal) -> [Change] {
        let field = ArenaPlayer.field(of: player.userID)
        if var present = ArenaPlayer(room[field]) {
            present.name = player.name
            return [.set(field, present.json)]
        }
        let count = max(0, room[Self.playerCount]?.int ?? 0)
        var entrant = ArenaPlayer(entering: player)
        var changes: [Change]
        if count < Self.maximumPlayers {
            entrant.color = ArenaColor(number: UInt64(count))
            changes = [.set(Self.playerCount, JSONBytes(integer: count + 1))]
        } else {
            changes = try leaving(for: &entrant, &room)
        }
        let tile = Self.tile(entrant.x, entrant.y)
        if room[tile] == nil || changes.contains(.delete(tile)) {
            changes.removeAll { $0 == .delete(tile) }
            entrant.score = 1
            changes.append(.set(tile, JSONBytes(string: player.userID)))
        }
        changes.append(.set(field, entrant.json))
        return changes
    }

    /// Who makes room in a full arena: the player whose field has been the same for the longest, so neither walked nor
    /// lost a tile, if the room has had as many acts since as it has players. Its tiles become nobody's, its colour the
    /// entrant's.
    /// - Throws: ``Refusal``, `rejected`, when all of them are that busy.
    private func leaving(for entrant: inout ArenaPlayer, _ room: inout RoomView) throws(Refusal) -> [Change] {
        var oldest: (field: String, value: JSONBytes, age: Int)?
        var tiles: [String: [String]] = [:]
        room.forEachByAge { field, value, age in
            if ArenaPlayer.userID(of: field) != nil {
                // Of two that left in one act, the same one on every node.
                let isOlder = oldest.map { age > $0.age || age == $0.age && field < $0.field }
                if isOlder ?? true { oldest = (field, value, age) }
            } else if field.hasPrefix("tile/"), let owner = value.string {
                tiles[owner, default: []].append(field)
            }
        }
        guard let oldest, let userID = ArenaPlayer.userID(of: oldest.field), oldest.age >= Self.maximumPlayers else {
            throw .rejected("the arena is full: \(Self.maximumPlayers) players have entered it")
        }
        if let color = ArenaPlayer(oldest.value)?.color { entrant.color = color }
        return [.delete(oldest.field)] + tiles[userID, default: []].sorted().map { .delete($0) }
    }

    private func move(_ player: Player, _ dx: Int, _ dy: Int, _ room: inout RoomView) throws(Refusal) -> [Change] {
        let field = ArenaPlayer.field(of: player.userID)
        guard var mover = ArenaPlayer(room[field]) else {
            throw .rejected("enter the arena before you move in it")
        }
        mover.x += dx
        mover.y += dy
        guard mover.isOnGrid else { throw .rejected("the arena ends here") }
        var changes: [Change] = []
        let tile = Self.tile(mover.x, mover.y)
        let owner = room[tile]?.string
        if owner != player.userID {
            mover.score += 1
            changes.append(.set(tile, JSONBytes(string: player.userID)))
            if let owner, var loser = ArenaPlayer(room[ArenaPlayer.field(of: owner)]) {
                loser.score = max(0, loser.score - 1)
                changes.append(.set(ArenaPlayer.field(of: owner), loser.json))
            }
        }
        changes.append(.set(field, mover.json))
        return changes
    }

    /// The field that holds who owns a tile.
    static func tile(_ x: Int, _ y: Int) -> String {
        "tile/\(x)/\(y)"
    }

    private static func step(_ value: JSONBytes?, named name: String) throws(Refusal) -> Int {
        guard let step = value?.int, -1...1 ~= step else { throw .badRequest("\(name) is -1, 0 or 1") }
        return step
    }
}
