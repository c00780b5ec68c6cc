import Rooms
import SocketIO
import Synchronization

/// The arena as the bots of this process see it together: the first of them who hears a change writes it down.
final class BotBoard: Sendable {
    struct Tile: Hashable {
        var x: Int
        var y: Int
    }

    private struct Known {
        var epoch = ""
        var version = -1
        /// Who owns a tile, by its field.
        var owners: [String: String] = [:]
        var places: [String: Tile] = [:]
    }

    /// How far a bot looks for a tile to take, in steps.
    private static let sight = 7

    private let known = Mutex(Known())

    /// Takes a `state`, a `patch` or what a join was answered, unless it is known already.
    func take(_ body: JSONBytes) {
        guard let epoch = body["epoch"]?.string, let version = body["version"]?.int else { return }
        known.withLock { known in
            if let state = body["state"] {
                guard epoch != known.epoch || version > known.version else { return }
                known = Known(epoch: epoch, version: version)
                Self.set(state, in: &known)
            } else if epoch == known.epoch, version > known.version, let set = body["set"] {
                known.version = version
                for field in body["del"]?.elements() ?? [] {
                    guard let field = field.string else { continue }
                    known.owners[field] = nil
                    known.places[field] = nil
                }
                Self.set(set, in: &known)
            }
        }
    }

    /// Where a player stands; nil for one who is not in the arena.
    func place(of userID: String) -> Tile? {
        known.withLock { $0.places["@\(userID)/player"] }
    }

    /// A tile worth walking to: near, not the player's own, and rather where few others are; now and then a far one.
    func goal(of userID: String, from place: Tile) -> Tile {
        let far = Tile(x: .random(in: 0..<Arena.columns), y: .random(in: 0..<Arena.rows))
        guard Int.random(in: 0..<12) > 0 else { return far }
        let columns = max(0, place.x - Self.sight)...min(Arena.columns - 1, place.x + Self.sight)
        let rows = max(0, place.y - Self.sight)...min(Arena.rows - 1, place.y + Self.sight)
        return known.withLock { known in
            var best = (tile: far, cost: Int.max)
            for x in columns {
                for y in rows {
                    let owner = known.owners["tile/\(x)/\(y)"]
                    if owner == userID || (x, y) == (place.x, place.y) { continue }
                    let distance = max(abs(x - place.x), abs(y - place.y))
                    let cost = 16 * distance + (owner == nil ? 0 : 8) + .random(in: 0..<48)
                    if cost < best.cost { best = (Tile(x: x, y: y), cost) }
                }
            }
            return best.tile
        }
    }

    private static func set(_ fields: JSONBytes, in known: inout Known) {
        for (field, value) in fields.members() ?? [] {
            if field.hasPrefix("tile/") {
                known.owners[field] = value.string
            } else if field.hasPrefix("@"), let x = value["x"]?.int, let y = value["y"]?.int {
                known.places[field] = Tile(x: x, y: y)
            }
        }
    }
}
