import NIOCore
import SocketIO

/// What a decision came to, and what it was decided on.
struct Verdict {
    let position: RoomPosition
    let reads: RoomReads
    /// What it changes, each field once; nil deletes.
    let changes: [(name: FieldName, value: JSONBytes?)]
    let refusal: Refusal?

    var writes: [FieldName] { changes.map(\.name) }

    /// - Parameter game: what a room that nobody has acted in begins with.
    init(_ decision: Decision, of game: any Game, in replica: RoomReplica, limits: RoomLimits) {
        position = replica.position
        var view = replica.view()
        var changes: [(name: FieldName, value: JSONBytes?)] = []
        var refusal: Refusal?
        do throws(Refusal) {
            var beginning: [Change] = []
            if replica.position.version == 0 {
                beginning = try game.begin(replica.name)
                if !beginning.isEmpty { view = RoomView(name: replica.name, beginning: beginning) }
            }
            changes = try Self.distinct(beginning + (try decision(&view)))
            try Self.check(changes, limits)
        } catch {
            changes = []
            refusal = error
        }
        self.reads = view.reads
        self.changes = changes
        self.refusal = refusal
    }

    /// Whether the room would be as it is.
    func changesNothing(in replica: RoomReplica) -> Bool {
        changes.allSatisfy { name, value in
            guard let value else { return replica.fields[name] == nil }
            return replica.fields[name]?.value.isEquivalent(to: value) ?? false
        }
    }

    /// Of several changes of one field, the last counts.
    private static func distinct(_ changes: [Change]) throws(Refusal) -> [(name: FieldName, value: JSONBytes?)] {
        var result: [(name: FieldName, value: JSONBytes?)] = []
        result.reserveCapacity(changes.count)
        for change in changes {
            switch change {
            case .set(let name, let value): result.append((FieldName(name), value))
            case .delete(let name): result.append((FieldName(name), nil))
            }
        }
        if Self.areFewAndDistinct(result) { return result }
        var last: [FieldName: Int] = [:]
        for (index, change) in result.enumerated() { last[change.name] = index }
        if last.count == result.count { return result }
        return result.enumerated().filter { last[$1.name] == $0 }.map(\.element)
    }

    /// Most acts change a handful of fields: compared with each other, without a hash of each.
    private static func areFewAndDistinct(_ changes: [(name: FieldName, value: JSONBytes?)]) -> Bool {
        guard changes.count <= 4 else { return false }
        for index in changes.indices.dropFirst() {
            for earlier in 0..<index where changes[earlier].name == changes[index].name { return false }
        }
        return true
    }

    private static func check(
        _ changes: [(name: FieldName, value: JSONBytes?)], _ limits: RoomLimits
    ) throws(Refusal) {
        guard changes.count <= limits.maximumChanges else {
            throw .tooLarge("an act changes at most \(limits.maximumChanges) fields")
        }
        for (name, value) in changes {
            guard let first = name.text.utf8.first, first != 0 else {
                throw .badRequest("a field name has at least one byte, and the first is not NUL")
            }
            guard name.text.utf8.count <= limits.maximumNameBytes else {
                throw .tooLarge("a field name has at most \(limits.maximumNameBytes) bytes")
            }
            guard value?.buffer.readableBytes ?? 0 <= limits.maximumFieldBytes else {
                throw .tooLarge("a field has at most \(limits.maximumFieldBytes) bytes")
            }
        }
    }
}
