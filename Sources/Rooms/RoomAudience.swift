public import NIOCore

/// Where a room's events go: the sockets of this node that joined it.
public protocol RoomAudience: Sendable {
    /// Sends an event to the room's sockets. Called on the room's event loop, in the order in which they must arrive;
    /// encodes one frame for all of them and does not wait.
    ///
    /// - Parameters:
    ///   - event: `patch`, `state`, `cast` or `presence`.
    ///   - argument: a JSON object.
    ///   - socket: who does not get it.
    func broadcast(event: String, argument: ByteBuffer, to room: RoomName, except socket: String?)
}
