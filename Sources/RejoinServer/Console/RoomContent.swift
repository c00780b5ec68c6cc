import NIOCore
import Rooms
import SocketIO

/// All of a room, as operators see it.
public struct RoomContent: Sendable {
    /// Its name.
    public let room: String
    /// Within which its versions are counted.
    public let epoch: String
    /// 1 or more.
    public let version: Int
    /// Names of fields and their values as JSON, in the order of the names.
    public let fields: [(name: String, json: String)]
    /// `{"room":…,"epoch":…,"version":…,"state":{…}}`
    public let json: String

    /// Of all names and values of its fields.
    public var bytes: Int { fields.reduce(0) { $0 + $1.name.utf8.count + $1.json.utf8.count } }

    init(_ name: RoomName, _ answer: JoinAnswer) {
        room = name.string
        epoch = answer.epoch
        version = answer.version
        let object = answer.object
        fields = (object["state"]?.members() ?? []).map { ($0.key, String(buffer: $0.value.buffer)) }
            .sorted { $0.name < $1.name }
        json = String(buffer: object.buffer)
    }
}
