public import SocketIO

/// A room as a decision sees it. Notes what was read: the act is applied only if that is still so when it is written.
public struct RoomView {
    /// Beyond this many fields a decision counts as having read all of the room.
    static let maximumReads = 128

    public let name: RoomName
    private let version: Int
    private let content: [FieldName: RoomField]
    private(set) var reads = RoomReads()

    init(name: RoomName, version: Int, content: [FieldName: RoomField]) {
        self.name = name
        self.version = version
        self.content = content
    }

    /// A room that nobody has acted in, as it would begin: whoever sees that relies on its not having begun.
    init(name: RoomName, beginning: [Change]) {
        var content: [FieldName: RoomField] = [:]
        for change in beginning {
            switch change {
            case .set(let name, let value): content[FieldName(name)] = RoomField(version: 0, value: value)
            case .delete(let name): content[FieldName(name)] = nil
            }
        }
        self.init(name: name, version: 0, content: content)
        readWhole()
    }

    /// A room of these fields, for the tests of a game's rules.
    public init(name: RoomName, fields: [String: JSONBytes]) {
        var content: [FieldName: RoomField] = [:]
        for (name, value) in fields { content[FieldName(name)] = RoomField(version: 1, value: value) }
        self.init(name: name, version: 1, content: content)
    }

    /// A field's value; nil when there is none.
    public subscript(field: String) -> JSONBytes? {
        mutating get {
            let name = FieldName(field)
            let found = content[name]
            if !reads.isWhole {
                reads.fields[name] = found?.version ?? 0
                if reads.fields.count > Self.maximumReads { readWhole() }
            }
            return found?.value
        }
    }

    /// A field's value, decoded; nil when there is none, and when what is there is no such value.
    public mutating func read<Value: Decodable>(_ field: String, as type: Value.Type = Value.self) -> Value? {
        // A value of another type is as good as none: it was written by an older version of the game.
        try? self[field]?.decode(type)
    }

    /// How many fields there are. Every other act of the room then conflicts with this one.
    public var count: Int {
        mutating get {
            readWhole()
            return content.count
        }
    }

    /// All fields, in no particular order. Every other act of the room then conflicts with this one.
    public mutating func forEach(_ body: (_ field: String, _ value: JSONBytes) -> Void) {
        readWhole()
        for (name, field) in content { body(name.text, field.value) }
    }

    /// All fields, each with how many acts ago it was set: 0 for the latest act. Otherwise as ``forEach(_:)``.
    mutating func forEachByAge(_ body: (_ field: String, _ value: JSONBytes, _ age: Int) -> Void) {
        readWhole()
        for (name, field) in content { body(name.text, field.value, version - field.version) }
    }

    /// Notes that all of the room was read.
    public mutating func readWhole() {
        reads.isWhole = true
        reads.wholeVersion = version
        reads.fields.removeAll()
    }
}

/// What a decision read.
struct RoomReads: Equatable {
    /// The version of each field; 0 for one that is not there.
    var fields: [FieldName: Int] = [:]
    var isWhole = false
    /// The room's version, when all of it was read.
    var wholeVersion = 0

    /// Whether something of it is among these fields.
    func include(_ names: [FieldName]) -> Bool {
        isWhole ? !names.isEmpty : names.contains { fields[$0] != nil }
    }
}
