public import NIOCore

/// The packet types of Engine.IO v4; on the wire one ASCII digit before the payload.
public enum EnginePacketType: UInt8, Sendable, CaseIterable {
    case open = 0x30
    case close = 0x31
    case ping = 0x32
    case pong = 0x33
    case message = 0x34
    case upgrade = 0x35
    case noop = 0x36
}

/// One packet as it came from the peer (Engine.IO v4, "Packet encoding").
public enum EnginePacket: Sendable, Equatable {
    case text(EnginePacketType, ByteBuffer)
    case binary(ByteBuffer)

    /// Splits the type from the payload of a text packet; the payload is a slice.
    ///
    /// - Returns: `nil` when the text is empty or begins with no known type.
    public init?(text: ByteBuffer) {
        var text = text
        guard let first = text.readInteger(as: UInt8.self), let type = EnginePacketType(rawValue: first) else {
            return nil
        }
        self = .text(type, text)
    }
}
