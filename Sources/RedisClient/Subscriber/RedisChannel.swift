public import NIOCore

/// What can be subscribed to.
public struct RedisChannel: Sendable, Hashable, CustomStringConvertible {
    enum Kind: Sendable, Hashable {
        case plain
        case sharded
    }

    let kind: Kind
    /// The name as bytes, so that a message finds its channel without making a `String`.
    let bytes: ByteBuffer

    init(kind: Kind, bytes: ByteBuffer) {
        self.kind = kind
        self.bytes = bytes
    }

    /// A channel of `PUBLISH`.
    public static func plain(_ name: String) -> Self {
        Self(kind: .plain, bytes: ByteBuffer(string: name))
    }

    /// A channel of `SPUBLISH`.
    public static func sharded(_ name: String) -> Self {
        Self(kind: .sharded, bytes: ByteBuffer(string: name))
    }

    public var name: String { String(buffer: self.bytes) }
    public var description: String { self.name }
}

/// What a subscription hears of.
public enum RedisSubscriptionEvent: Sendable, Equatable {
    /// Redis confirmed the subscription. It comes again after every reconnection: what was published in between is
    /// missed.
    case subscribed
    /// A message that was published on the channel.
    case message(ByteBuffer)
    /// The connection is gone; `subscribed` follows when there is another one.
    case lost
}
