public import SocketIO

/// The rules of a kind of room: what an action changes.
public protocol Game: Sendable {
    associatedtype Action: Sendable

    /// How long a room's changes are collected into one `patch` event; zero sends each at once.
    var patchInterval: Duration { get }

    /// Reads what a client sent; looks at nothing else.
    /// - Throws: ``Refusal``, as a rule `bad_request`.
    func action(from json: JSONBytes) throws(Refusal) -> Action

    /// Decides what an action changes. Pure and synchronous: the same action in the same room has the same outcome. It
    /// may be asked again, with a room that has gone on, and its answer counts only if what it read was still so.
    /// - Throws: ``Refusal`` when the player may not do that in this room as it is.
    func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change]
}

/// A change of one field.
public enum Change: Sendable, Hashable {
    case set(String, JSONBytes)
    case delete(String)
}

/// An action whose type nobody needs to know any more.
typealias Decision = @Sendable (inout RoomView) throws(Refusal) -> [Change]

extension Game {
    func decision(_ json: JSONBytes, by player: Player) throws(Refusal) -> Decision {
        let action = try action(from: json)
        return { (room: inout RoomView) throws(Refusal) -> [Change] in
            try self.decide(action, by: player, in: &room)
        }
    }
}
