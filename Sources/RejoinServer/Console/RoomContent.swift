import Cluster
import NIOCore
import Rooms
import SocketIO

/// All of a room, and who is in it, as operators and backends see it.
public struct RoomContent: Sendable {
    /// Its name.
    public let room: String
    /// Within which its versions are counted.
    public let epoch: String
    /// 1 or more.
    public let version: Int
    /// Names of fields and their values as JSON, in the order of the names.
    public let fields: [(name: String, json: String)]
    /// Who is in it, those who are online first; at most 200. The others' places are kept for a while.
    public let players: [(id: String, name: String, isOnline: Bool)]
    /// How many players there are.
    public let total: Int
    /// Sockets that nobody is logged in on.
    public let watchers: Int
    /// `{"room":…,"epoch":…,"version":…,"state":{…},"players":[{"id":…,"name":…,"online":…}],"total":…,"watchers":…}`
    public var json: String { String(buffer: object.buffer) }
    let object: JSONBytes

    /// Of all names and values of its fields.
    public var bytes: Int { fields.reduce(0) { $0 + $1.name.utf8.count + $1.json.utf8.count } }

    init(_ name: RoomName, _ answer: JoinAnswer, _ members: RoomMembers) {
        room = name.string
        epoch = answer.epoch
        version = answer.version
        players = members.players.map { ($0.player.userID, $0.player.name, $0.isOnline) }
        total = members.total
        watchers = members.watchers
        let state = answer.object["state"]
        fields = (state?.members() ?? []).map { ($0.key, String(buffer: $0.value.buffer)) }
            .sorted { $0.name < $1.name }
        var writer = JSONObjectWriter()
        writer.member("room", string: room)
        writer.member("epoch", string: epoch)
        writer.member("version", int: version)
        if let state { writer.member("state", raw: state.buffer) }
        writer.member("players", raw: Self.list(players))
        writer.member("total", int: total)
        writer.member("watchers", int: watchers)
        object = writer.finish()
    }

    private static func list(_ players: [(id: String, name: String, isOnline: Bool)]) -> ByteBuffer {
        var list = ByteBuffer(string: "[")
        for (index, player) in players.enumerated() {
            if index > 0 { list.writeStaticString(",") }
            var writer = JSONObjectWriter(appendingTo: list)
            writer.member("id", string: player.id)
            writer.member("name", string: player.name)
            writer.member("online", bool: player.isOnline)
            list = writer.finish().buffer
        }
        list.writeStaticString("]")
        return list
    }
}

extension RoomDirectory {
    /// All of a room, and who is in it; nil when nobody has acted in it, or it was forgotten.
    ///
    /// - Parameters:
    ///   - nodes: the live ones.
    ///   - limits: as the nodes have them.
    func content(_ name: RoomName, nodes: [NodeRecord], limits: RoomLimits) async throws -> RoomContent? {
        guard let answer = try await room(name) else { return nil }
        let live = Set(nodes.compactMap(NodeParts.start))
        return RoomContent(name, answer, try await members(of: name, live: live, limits: limits))
    }
}
