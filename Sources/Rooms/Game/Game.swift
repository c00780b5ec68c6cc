public import SocketIO

/// The rules of a kind of room: what it begins with, what an action changes, and what time changes.
///
/// A game has one thing to say, ``decide(_:by:in:)``; the rest has defaults, but for ``action(from:)`` where `Action` is
/// not `Decodable`.
public protocol Game: Sendable {
    associatedtype Action: Sendable

    /// The least time from one `patch` event of a room to the next; zero, the default, sets none.
    ///
    /// The first change after a pause is told at once. What changes within the interval, or while the patch before is
    /// still being sent, is told by one patch.
    var patchInterval: Duration { get }

    /// How often ``tick(_:in:)`` is called, 1 to 60 times a second; 0, the default: never.
    var ticksPerSecond: Int { get }

    /// The fields that a room begins with; none by default.
    ///
    /// Decisions see them in a room that nobody has acted in yet, and they are written in one version with what the
    /// first act changes. Until then the room is empty for everybody who joins it. The same for the same name.
    /// - Throws: ``Refusal`` when no room of that name can begin; its acts are then refused so.
    func begin(_ room: RoomName) throws(Refusal) -> [Change]

    /// Reads what a client sent; looks at nothing else. By default it decodes an `Action` that is `Decodable`.
    /// - Throws: ``Refusal``, as a rule `bad_request`.
    func action(from json: JSONBytes) throws(Refusal) -> Action

    /// Decides what an action changes. Pure and synchronous: the same action in the same room has the same outcome. It
    /// may be asked again, with a room that has gone on, and its answer counts only if what it read was still so.
    /// - Throws: ``Refusal`` when the player may not do that in this room as it is.
    func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change]

    /// Decides what the time that has passed changes. As pure as ``decide(_:by:in:)``, and decided again like it.
    ///
    /// Called by one node for each room that was acted in and that somebody is in: while nobody is in it, time stands
    /// still. What changes nothing writes nothing: no changes, or those to what the fields are already.
    /// - Throws: ``Refusal``: this tick changes nothing.
    func tick(_ tick: Tick, in room: inout RoomView) throws(Refusal) -> [Change]
}

extension Game {
    public var patchInterval: Duration { .zero }
    public var ticksPerSecond: Int { 0 }

    public func begin(_ room: RoomName) throws(Refusal) -> [Change] { [] }

    public func tick(_ tick: Tick, in room: inout RoomView) throws(Refusal) -> [Change] { [] }
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

    func decision(_ tick: Tick) -> Decision {
        { (room: inout RoomView) throws(Refusal) -> [Change] in try self.tick(tick, in: &room) }
    }
}
