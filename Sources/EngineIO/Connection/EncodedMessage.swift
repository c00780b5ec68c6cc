public import NIOCore

/// A message encoded once for many receivers: a text packet, and the binary attachments that follow it.
public struct EncodedMessage: Sendable {
    /// The WebSocket frames of the packet and of its attachments, headers included.
    package let frame: ByteBuffer
    /// The Engine.IO packet, type digit included; a slice of the frame.
    package let packet: ByteBuffer
    /// Binary messages that follow the packet, with nothing between them.
    package let attachments: [ByteBuffer]

    /// - Parameters:
    ///   - message: the message without Engine.IO's type digit.
    ///   - attachments: what follows it.
    package init(message: ByteBuffer, attachments: [ByteBuffer] = []) {
        let length = message.readableBytes + 1
        let capacity = attachments.reduce(length + 10) { $0 + $1.readableBytes + 10 }
        var frame = ByteBufferAllocator().buffer(capacity: capacity)
        Self.writeHeader(0x81, length: length, into: &frame)
        let header = frame.writerIndex
        frame.writeInteger(EnginePacketType.message.rawValue)
        frame.writeImmutableBuffer(message)
        for attachment in attachments {
            Self.writeHeader(0x82, length: attachment.readableBytes, into: &frame)
            frame.writeImmutableBuffer(attachment)
        }
        self.frame = frame
        self.packet = frame.getSlice(at: header, length: length) ?? frame
        self.attachments = attachments
    }

    /// Bytes of the frames.
    public var byteCount: Int { frame.readableBytes }

    /// A whole message in one frame (RFC 6455 5.2).
    private static func writeHeader(_ opcode: UInt8, length: Int, into frame: inout ByteBuffer) {
        frame.writeInteger(opcode)
        switch length {
        case ..<126:
            frame.writeInteger(UInt8(length))
        case ...0xFFFF:
            frame.writeInteger(UInt8(126))
            frame.writeInteger(UInt16(length))
        default:
            frame.writeInteger(UInt8(127))
            frame.writeInteger(UInt64(length))
        }
    }
}
