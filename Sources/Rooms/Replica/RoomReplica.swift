import DequeModule
import NIOCore
import SocketIO

/// A node's copy of a room, which follows the room's log version by version. Confined to its event loop.
final class RoomReplica {
    /// What came of something that the replica was told.
    enum Outcome: Equatable {
        /// Known already, or not for this replica.
        case ignored
        /// The room went on.
        case advanced
        /// All of it is another: what clients know cannot be patched.
        case replaced
        /// Something in between is missing.
        case gap
    }

    /// How far back patches can be answered from memory.
    static let maximumRecentEntries = 256
    static let maximumRecentChanges = 2_048
    /// Messages that can wait for what is missing before them.
    static let maximumWaiting = 256
    private static let maximumFormerEpochs = 8

    let name: RoomName
    private(set) var position = RoomPosition(epoch: "", version: 0)
    private(set) var fields: [FieldName: RoomField] = [:]
    /// What the latest steps changed, without a hole up to `position`: their values are in `fields`.
    private var recent: Deque<[FieldName]> = []
    private var recentChanges = 0
    private var waiting: Deque<RoomPatch> = []
    private var formerEpochs: Deque<String> = []
    /// What clients were not told yet: from which version, and the names of what changed.
    private var untold: (from: Int, names: Set<FieldName>)?
    private var encodedState: ByteBuffer?

    init(name: RoomName) {
        self.name = name
    }

    func view() -> RoomView {
        RoomView(name: name, version: position.version, content: fields)
    }

    // MARK: Following

    func received(_ patch: RoomPatch) -> Outcome {
        if patch.epoch == position.epoch {
            if patch.entry.version <= position.version { return .ignored }
            guard patch.from == position.version else {
                wait(patch)
                return .gap
            }
            advance(patch.entry)
            return .advanced
        }
        if formerEpochs.contains(patch.epoch) { return .ignored }
        if position.version == 0, patch.from == 0, patch.entry.version == 1 {
            // The room's first version: who knows it empty needs the patch only.
            let isFirst = position.epoch.isEmpty
            position = RoomPosition(epoch: patch.epoch, version: 0)
            advance(patch.entry)
            if isFirst { return .advanced }
            untold = nil
            return .replaced
        }
        wait(patch)
        return .gap
    }

    private func wait(_ patch: RoomPatch) {
        if waiting.count == Self.maximumWaiting { waiting.removeFirst() }
        waiting.append(patch)
    }

    /// Everything published so far will be in what is read next.
    func readingBegan() {
        waiting.removeAll()
    }

    /// Keeps a message for after the reading that is under way.
    func receivedWhileReading(_ patch: RoomPatch) {
        wait(patch)
    }

    /// - Parameter asked: where the replica was when the question was sent.
    func received(_ reading: RoomReading, asked: RoomPosition) -> Outcome {
        let place = reading.position
        if place.epoch != position.epoch {
            // An answer to an older question may be about an epoch that is over.
            guard asked.epoch == position.epoch else { return .gap }
            switch reading.content {
            case .fields(let fields):
                replace(with: fields, at: place)
                return .replaced
            case .entries:
                guard position.epoch.isEmpty else { return .gap }
                // The room's first steps: who knows it empty needs no more than them.
                position = RoomPosition(epoch: place.epoch, version: 0)
            }
        }
        guard place.version > position.version else { return .ignored }
        switch reading.content {
        case .entries(let entries):
            for entry in entries where entry.version > position.version {
                guard entry.version == position.version + 1 else { return .gap }
                advance(entry)
            }
            return .advanced
        case .fields(let fields):
            replace(with: fields, at: place)
            return .replaced
        }
    }

    /// Takes up the messages that came while the room was read.
    func readingEnded() -> Outcome {
        var result = Outcome.ignored
        let messages = waiting
        waiting = []
        for message in messages {
            switch received(message) {
            case .ignored: break
            case .advanced: if result == .ignored { result = .advanced }
            case .replaced: result = .replaced
            case .gap: return .gap
            }
        }
        return result
    }

    private func advance(_ entry: RoomEntry) {
        if untold == nil { untold = (position.version, []) }
        for (name, value) in entry.changes {
            fields[name] = value.map { RoomField(version: entry.version, value: $0) }
            untold?.names.insert(name)
        }
        position = RoomPosition(epoch: position.epoch, version: entry.version)
        recent.append(entry.changes.map(\.name))
        recentChanges += entry.changes.count
        while recent.count > Self.maximumRecentEntries || recentChanges > Self.maximumRecentChanges {
            recentChanges -= recent.removeFirst().count
        }
        encodedState = nil
    }

    private func replace(with fields: [FieldName: RoomField], at place: RoomPosition) {
        if place.epoch != position.epoch, !position.epoch.isEmpty {
            if formerEpochs.count == Self.maximumFormerEpochs { formerEpochs.removeFirst() }
            formerEpochs.append(position.epoch)
        }
        formerEpochs.removeAll { $0 == place.epoch }
        self.fields = fields
        position = place
        recent.removeAll()
        recentChanges = 0
        untold = nil
        encodedState = nil
    }

    // MARK: Telling

    /// A client's position that this replica may be behind.
    func isAhead(_ known: RoomPosition) -> Bool {
        guard !known.epoch.isEmpty, known.version > 0 else { return false }
        if known.epoch == position.epoch { return known.version > position.version }
        return !formerEpochs.contains(known.epoch)
    }

    /// All of the room.
    func snapshot() -> JoinAnswer {
        if let encodedState { return JoinAnswer(position: position, body: encodedState) }
        var body = ByteBuffer()
        body.writePosition(position, of: name)
        body.writeStaticString(",\"state\":{")
        body.writeFields(fields.lazy.map { ($0.key, $0.value.value) })
        body.writeStaticString("}")
        encodedState = body
        return JoinAnswer(position: position, body: body)
    }

    /// What changed since a position within the steps that are known, or within older ones.
    /// - Parameter older: steps that follow `known` without a hole; none when there are none to add.
    /// - Returns: nil when there are steps missing.
    func patches(since known: RoomPosition, older: [RoomEntry] = []) -> JoinAnswer? {
        guard known.epoch == position.epoch, known.version <= position.version else { return nil }
        var names = Set<FieldName>()
        var version = known.version
        for entry in older where entry.version > version {
            guard entry.version == version + 1 else { return nil }
            version = entry.version
            names.formUnion(entry.changes.lazy.map(\.name))
        }
        let missing = max(0, position.version - version)
        guard missing <= recent.count else { return nil }
        for step in recent.suffix(missing) { names.formUnion(step) }
        var body = ByteBuffer()
        body.writePosition(position, of: name)
        body.writeStaticString(",\"patches\":[")
        if known.version < position.version {
            body.writeStaticString("{")
            body.writeStep(from: known.version, to: position.version)
            writeContent(of: names, into: &body)
            body.writeStaticString("}")
        }
        body.writeStaticString("]")
        return JoinAnswer(position: position, body: body)
    }

    func forgetUntold() {
        untold = nil
    }

    /// Whether there is something that clients were not told yet.
    var isAnyUntold: Bool { untold != nil }

    /// The `patch` of what clients were not told yet; nil when there is nothing.
    func takePatch() -> ByteBuffer? {
        guard let untold else { return nil }
        self.untold = nil
        // Some 100 bytes around the fields.
        var argument = ByteBufferAllocator().buffer(capacity: 128 + 128 * untold.names.count)
        argument.writeStaticString("{\"room\":")
        argument.writeJSONString(name.string)
        argument.writeStaticString(",\"epoch\":")
        argument.writeJSONString(position.epoch)
        argument.writeStaticString(",")
        argument.writeStep(from: untold.from, to: position.version)
        writeContent(of: untold.names, into: &argument)
        argument.writeStaticString("}")
        return argument
    }

    /// `,"set":{…},"del":[…]`: what the fields of these names are now.
    private func writeContent(of names: Set<FieldName>, into buffer: inout ByteBuffer) {
        var deleted: [FieldName] = []
        var isFirst = true
        buffer.writeStaticString(",\"set\":{")
        for name in names {
            if let field = fields[name] {
                buffer.writeField(name, field.value, isFirst: isFirst)
                isFirst = false
            } else {
                deleted.append(name)
            }
        }
        buffer.writeStaticString("},\"del\":[")
        buffer.writeNames(deleted)
        buffer.writeStaticString("]")
    }
}
