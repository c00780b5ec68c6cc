import Cluster
import Hummingbird
import Rooms
import SocketIO

/// The rooms of the cluster, and what backends do in them.
extension AdminAPI {
    func rooms(_ request: AdminRequest) async throws -> Response {
        let limit = try request.limit()
        guard let cursor = RoomCursor(request.query["cursor"] ?? "0") else {
            throw AdminFailure.badRequest("cursor: next of the part before is expected")
        }
        let beginning = request.query["prefix"] ?? ""
        guard beginning.isEmpty || RoomName(beginning) != nil else {
            throw AdminFailure.badRequest("prefix: \(Self.roomNames) are expected")
        }
        let page = try await directory.page(beginning: beginning, from: cursor, limit: limit)
        return try Self.json(RoomList(page))
    }

    func room(_ request: AdminRequest) async throws -> Response {
        let name = try Self.roomName(request)
        let nodes = try await NodeDirectory.fetch(redis: parts.redis, prefix: parts.configuration.redisPrefix)
        let limits = NodeParts.roomLimits(parts.configuration)
        guard let content = try await directory.content(name, nodes: nodes, limits: limits) else {
            throw AdminFailure.notFound("nobody has acted in this room, or it was forgotten")
        }
        return Answer.json(content.object)
    }

    /// Answers when the act is in the room's log.
    func act(_ request: AdminRequest) async throws -> Response {
        let room = try Self.roomName(request)
        try request.expect(["id", "action", "by"])
        guard let id = ActID(try request.text("id")) else {
            throw AdminFailure.badRequest("id: 1 to 64 printable ASCII characters are expected")
        }
        guard let action = request.body["action"], action.kind == .object else {
            throw AdminFailure.badRequest("action: an object is expected")
        }
        var label: BackendLabel?
        if request.body["by"] != nil {
            label = BackendLabel(try request.text("by"))
            guard label != nil else {
                throw AdminFailure.badRequest("by: 1 to 64 printable ASCII characters are expected")
            }
        }
        switch await parts.rooms.act(room, id: id, action: action, byBackend: label) {
        case .applied(let position):
            var writer = JSONObjectWriter()
            writer.member("ok", bool: true)
            writer.member("epoch", string: position.epoch)
            writer.member("version", int: position.version)
            return Answer.json(writer.finish())
        case .refused(let refusal): throw AdminFailure(refusal)
        case .unavailable(let message): throw AdminFailure.unavailable(message)
        }
    }

    /// Answers when Redis has taken the message.
    func cast(_ request: AdminRequest) async throws -> Response {
        let room = try Self.roomName(request)
        try request.expect(["data", "name"])
        guard let data = request.body["data"] else {
            throw AdminFailure.badRequest("data: any JSON value is expected")
        }
        let name = request.body["name"] == nil ? "" : try request.text("name")
        guard name.utf8.count <= 64 else { throw AdminFailure.badRequest("name: at most 64 bytes are expected") }
        try await parts.rooms.cast(room, data: data, byBackend: name)
        var writer = JSONObjectWriter()
        writer.member("ok", bool: true)
        return Answer.json(writer.finish())
    }

    private var directory: RoomDirectory {
        RoomDirectory(redis: parts.redis, prefix: parts.configuration.redisPrefix)
    }

    private static let roomNames = "1 to 64 characters of A-Z a-z 0-9 . _ : -"

    private static func roomName(_ request: AdminRequest) throws(AdminFailure) -> RoomName {
        guard let name = RoomName(request.parameters["room"] ?? "") else {
            throw .badRequest("a room's name has \(roomNames)")
        }
        return name
    }

    private struct RoomList: Encodable {
        let rooms: [RoomListing]
        /// The `cursor` of the next part; `null` after the last.
        let next: String?

        init(_ page: RoomPage) {
            rooms = page.rooms.map(RoomListing.init)
            next = page.next?.description
        }

        private enum CodingKeys: CodingKey {
            case rooms, next
        }

        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(rooms, forKey: .rooms)
            try members.encode(next, forKey: .next)
        }
    }
}

extension AdminFailure {
    fileprivate init(_ refusal: Refusal) {
        switch refusal.code {
        case .badRequest: self = .badRequest(refusal.message)
        case .forbidden: self.init(.forbidden, "forbidden", refusal.message)
        case .conflict, .rejected: self.init(.conflict, "conflict", refusal.message)
        case .tooLarge: self.init(.contentTooLarge, "too_large", refusal.message)
        }
    }
}
