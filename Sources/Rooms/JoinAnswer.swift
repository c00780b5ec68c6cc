public import NIOCore
public import SocketIO

/// Where a room is: its versions are counted within an epoch.
public struct RoomPosition: Hashable, Sendable {
    /// Empty for a room that was never acted on.
    public let epoch: String
    /// 0 or more.
    public let version: Int

    public init(epoch: String, version: Int) {
        self.epoch = epoch
        self.version = version
    }
}

/// A room as a client gets it: all of it, or what changed since the position it knew.
public struct JoinAnswer: Sendable, Hashable {
    public let position: RoomPosition
    /// Members of a JSON object, without its braces: `"room":…,"epoch":…,"version":…,` and then `"state":{…}` or
    /// `"patches":[…]`.
    public let body: ByteBuffer
    /// The argument of a `presence` event that tells who is here; for the socket alone that asked, and before any later
    /// one to the room.
    public internal(set) var presence: JSONBytes?

    init(position: RoomPosition, body: ByteBuffer) {
        self.position = position
        self.body = body
    }

    public var epoch: String { position.epoch }
    public var version: Int { position.version }

    /// The body as an object of its own: the argument of a `state` event.
    public var object: JSONBytes {
        var buffer = ByteBufferAllocator().buffer(capacity: body.readableBytes + 2)
        buffer.writeStaticString("{")
        buffer.writeImmutableBuffer(body)
        buffer.writeStaticString("}")
        return JSONBytes(unchecked: buffer)
    }
}
