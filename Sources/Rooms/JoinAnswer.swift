public import NIOCore

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

    public var epoch: String { position.epoch }
    public var version: Int { position.version }
}
