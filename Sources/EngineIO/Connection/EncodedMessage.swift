package import NIOCore

/// A message encoded once for many receivers: a text packet, and the binary attachments that follow it.
public struct EncodedMessage: Sendable {
    /// The WebSocket frames of the packet and of its attachments, headers included.
    package let frame: ByteBuffer
    /// Where the packet is in the frame.
    private let packetPlace: (offset: Int, length: Int)
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
        packetPlace = (frame.writerIndex, length)
        frame.writeInteger(EnginePacketType.message.rawValue)
        frame.writeImmutableBuffer(message)
        for attachment in attachments {
            WebSocketFrame.writeBinary(attachment, into: &frame)
        }
        self.frame = frame
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

    private static let largestCopy = 16_384

    private init(copying message: EncodedMessage) {
        frame = ByteBuffer(bytes: message.frame.readableBytesView)
        packetPlace = message.packetPlace
        attachments = message.attachments
        compressed = message.compressed
    }

    /// A copy for one event loop, unless it is large: the reference counts of one buffer, changed for every receiver by
    /// every event loop at the same time, cost more than the copy.
    package func ownCopy() -> EncodedMessage {
        frame.readableBytes <= Self.largestCopy ? EncodedMessage(copying: self) : self
    }

    /// The Engine.IO packet, type digit included; a slice of the frame.
    package var packet: ByteBuffer { frame.getSlice(at: packetPlace.offset, length: packetPlace.length) ?? frame }

    /// Bytes of the frames.
    public var byteCount: Int { frame.readableBytes }
}
