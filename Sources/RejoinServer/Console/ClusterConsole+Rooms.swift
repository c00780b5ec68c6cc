import Rooms

/// The rooms of a cluster, as operators list and look at them.
extension ClusterConsole {
    /// Rooms that somebody has acted in, in no order.
    ///
    /// - Parameters:
    ///   - beginning: how their names begin; any when empty.
    ///   - limit: how many at most.
    /// - Returns: the rooms, each once, and whether there may be more.
    /// - Throws: ``ConfigurationError`` for what no room's name begins with.
    public func rooms(beginning: String, limit: Int) async throws -> (rooms: [RoomListing], more: Bool) {
        guard beginning.isEmpty || Self.isRoomName(beginning) else { throw Self.noRoomName(beginning) }
        var rooms: [RoomListing] = []
        var known: Set<RoomName> = []
        var cursor = RoomCursor.start
        while true {
            let count = min(limit - rooms.count, RoomDirectory.maximumListed)
            let page = try await directory.page(beginning: beginning, from: cursor, limit: count)
            rooms += page.rooms.filter { known.insert($0.name).inserted }.map(RoomListing.init)
            let more = page.next != nil || rooms.count > limit
            guard rooms.count < limit, let next = page.next else { return (Array(rooms.prefix(limit)), more) }
            cursor = next
        }
    }

    /// All of a room, and who is in it.
    ///
    /// - Returns: `nil` when nobody has acted in it, or it was forgotten.
    /// - Throws: ``ConfigurationError`` for what is no room's name.
    public func room(_ name: String) async throws -> RoomContent? {
        guard let name = RoomName(name) else { throw Self.noRoomName(name) }
        return try await directory.content(
            name, nodes: try await records(), limits: NodeParts.roomLimits(configuration))
    }

    /// Whether a text is spelled as rooms' names are.
    public static func isRoomName(_ text: String) -> Bool { RoomName(text) != nil }

    private static func noRoomName(_ text: String) -> ConfigurationError {
        ConfigurationError("\(text) is no room's name: 1 to 64 characters of A-Z a-z 0-9 . _ : - are expected")
    }
}
