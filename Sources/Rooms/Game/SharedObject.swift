public import SocketIO

/// The game of every room without another: an object whose fields players set and delete.
///
/// An action is `{"set":{FIELD:VALUE},"del":[FIELD],"if":{FIELD:VALUE or null}}` with something in `set` or `del`.
/// `if` is compare-and-set, by value; `null` there means that the field is absent. Fields under `@USERID/` are written
/// by that user alone.
public struct SharedObject: Game {
    public struct Action: Sendable {
        var changes: [Change]
        var conditions: [(field: String, value: JSONBytes)]
    }

    public init() {}

    public var patchInterval: Duration { .zero }

    public func action(from json: JSONBytes) throws(Refusal) -> Action {
        guard let members = json.members() else { throw .badRequest("an action is an object") }
        var set: JSONBytes?
        var delete: JSONBytes?
        var conditions: JSONBytes?
        for (key, value) in members {
            switch key {
            case "set" where set == nil: set = value
            case "del" where delete == nil: delete = value
            case "if" where conditions == nil: conditions = value
            case "set", "del", "if": throw .badRequest("\(key) twice")
            default: throw .badRequest("an action has the keys set, del and if only")
            }
        }
        var written = Set<FieldName>()
        var changes: [Change] = []
        if let set {
            guard let fields = set.members() else { throw .badRequest("set is an object") }
            for (name, value) in fields {
                try check(name, in: &written)
                changes.append(.set(name, value.minified()))
            }
        }
        if let delete {
            guard let names = delete.elements() else { throw .badRequest("del is an array of field names") }
            for element in names {
                guard let name = element.string else { throw .badRequest("del is an array of field names") }
                try check(name, in: &written)
                changes.append(.delete(name))
            }
        }
        guard !changes.isEmpty else { throw .badRequest("an action has something in set or del") }
        var compared = Set<FieldName>()
        var expectations: [(field: String, value: JSONBytes)] = []
        if let conditions {
            guard let fields = conditions.members() else { throw .badRequest("if is an object") }
            for (name, value) in fields {
                try check(name, in: &compared)
                expectations.append((name, value))
            }
        }
        return Action(changes: changes, conditions: expectations)
    }

    public func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] {
        for change in action.changes {
            guard Self.mayWrite(change.name, userID: player.userID) else {
                throw .forbidden("fields under @USERID/ are written by that user alone")
            }
        }
        return try Self.changes(action, in: &room)
    }

    /// What an action changes, whoever may write the fields.
    static func changes(_ action: Action, in room: inout RoomView) throws(Refusal) -> [Change] {
        for (field, expected) in action.conditions {
            let found = room[field]
            let holds = expected.isNull ? found == nil : found?.isEquivalent(to: expected) ?? false
            guard holds else { throw .conflict("what if says does not hold") }
        }
        return action.changes
    }

    private func check(_ name: String, in names: inout Set<FieldName>) throws(Refusal) {
        guard let first = name.utf8.first, first != 0 else {
            throw .badRequest("a field name has at least one byte, and the first is not NUL")
        }
        guard names.insert(FieldName(name)).inserted else { throw .badRequest("a field is named twice") }
    }

    /// By bytes: two names that only look the same are two.
    private static func mayWrite(_ field: String, userID: String) -> Bool {
        let name = field.utf8
        guard name.first == UInt8(ascii: "@"), name.contains(UInt8(ascii: "/")) else { return true }
        return name.starts(with: "@\(userID)/".utf8)
    }
}
