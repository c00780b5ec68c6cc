public import NIOCore
public import SocketIO

/// Where a room's events go: the sockets of this node that joined it.
public protocol RoomAudience: Sendable {
    /// Sends an event to the room's sockets. Called on the room's event loop, in the order in which they must arrive;
    /// encodes one frame for all of them and does not wait.
    ///
    /// - Parameters:
    ///   - event: `patch`, `state`, `cast` or `presence`.
    ///   - argument: a JSON object.
    ///   - socket: who does not get it.
    ///   - eventLoops: where the room's sockets are, those included that are about to join; `nil`: anywhere.
    ///   - completion: to be held on to until the event has been given to the network for every socket that takes it;
    ///     what changes in the room until then is told in one patch.
    func broadcast(
        event: String, argument: ByteBuffer, to room: RoomName, except socket: String?,
        on eventLoops: [any EventLoop]?, completion: BroadcastCompletion?)
}

extension RoomAudience {
    /// Sends an event to the sockets of a room.
    func broadcast(
        event: String, argument: ByteBuffer, to held: HeldRoom, except socket: String? = nil,
        completion: BroadcastCompletion? = nil
    ) {
        broadcast(
            event: event, argument: argument, to: held.name, except: socket, on: held.listeners.eventLoops,
            completion: completion)
    }
}
