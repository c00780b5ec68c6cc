package import NIOCore

/// A message encoded once for many receivers: a text packet, and the binary attachments that follow it.
public struct EncodedMessage: Sendable {
    /// The WebSocket frames of the packet and of its attachments, headers included.
    package let frame: ByteBuffer
    /// The Engine.IO packet, type digit included; a slice of the frame.
    package let packet: ByteBuffer
    /// Binary messages that follow the packet, with nothing between them.
    package let attachments: [ByteBuffer]
    /// Nil: too short to be compressed for anybody.
    private let compressed: CompressedFrames?

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
        self.compressed = frame.readableBytes > WebSocketCompression.minimumThresholdBytes ? CompressedFrames() : nil
    }

    /// The frames for a receiver that takes compressed ones: those that are long enough, and shorter compressed, are.
    ///
    /// The first receiver with a window of that size pays for all, on every event loop.
    package func frame(compressedBy deflate: WebSocketDeflate, windowBits: Int) -> ByteBuffer {
        guard let compressed = self.compressed, frame.readableBytes >= deflate.compression.thresholdBytes else {
            return frame
        }
        return compressed.frames(windowBits: windowBits) {
            var frames = ByteBufferAllocator().buffer(capacity: 256)
            deflate.write(.text, packet, windowBits: windowBits, into: &frames)
            for attachment in attachments {
                deflate.write(.binary, attachment, windowBits: windowBits, into: &frames)
            }
            return frames.readableBytes < frame.readableBytes ? frames : frame
        }
    }

    /// Bytes of the frames.
    public var byteCount: Int { frame.readableBytes }
}
