package import NIOCore

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
        let capacity = attachments.reduce(length + WebSocketFrame.maximumHeaderBytes) {
            $0 + $1.readableBytes + WebSocketFrame.maximumHeaderBytes
        }
        var frame = ByteBufferAllocator().buffer(capacity: capacity)
        WebSocketFrame.writeHeader(.text, payloadBytes: length, into: &frame)
        let header = frame.writerIndex
        frame.writeInteger(EnginePacketType.message.rawValue)
        frame.writeImmutableBuffer(message)
        for attachment in attachments {
            WebSocketFrame.writeBinary(attachment, into: &frame)
        }
        self.frame = frame
        self.packet = frame.getSlice(at: header, length: length) ?? frame
        self.attachments = attachments
    }

    /// Bytes of the frames.
    public var byteCount: Int { frame.readableBytes }
}
