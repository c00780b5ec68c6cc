public import SocketIO

/// What backends do in rooms: programs that no session speaks for, and that whoever runs the cluster lets in.
extension Rooms {
    /// Applies a backend's action, in a room of any game: whatever the game, it is a ``SharedObject``'s, and it may
    /// write every field, those under `@USERID/` too. A room that was never acted on begins with it, and counts for
    /// nobody.
    ///
    /// - Parameters:
    ///   - id: the same id is applied once, whatever node it comes to and however often. All backends together are one
    ///     user, of whom the last 128 applied ids in a room are remembered, for an hour after the last of them.
    ///   - label: for the room's log.
    public nonisolated(nonsending) func act(
        _ room: RoomName, id: ActID, action: JSONBytes, byBackend label: BackendLabel?
    ) async -> BackendActResult {
        await shard(of: room).act(room, id: id, action: action, byBackend: label)
    }

    /// Passes a message of a backend on to the room's sockets on all nodes. It is kept nowhere, and may be lost. In it,
    /// `by` has the empty `id`, which no user has.
    ///
    /// - Parameter name: how the backend is called in `by`; may be empty.
    /// - Throws: ``RoomError`` when Redis cannot be reached.
    public nonisolated(nonsending) func cast(
        _ room: RoomName, data: JSONBytes, byBackend name: String
    ) async throws(RoomError) {
        // No socket has the empty id: everybody gets it.
        try await cast(room, data: data, by: Player(userID: "", name: name), socketID: "")
    }
}
