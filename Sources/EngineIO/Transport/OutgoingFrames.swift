import DequeModule
import NIOCore

/// The frames that a WebSocket has yet to send, and the short way out for them. Confined to its event loop.
///
/// As long as the peer keeps up they go to the kernel by one `send` a flush, past the channel's pipeline and its queue of
/// pending writes, which cost a quarter of a delivery. What the kernel does not take is for the channel, and so is
/// everything after it until the channel has got rid of it: one order, one backpressure.
struct OutgoingFrames {
    /// Beyond so many bytes frames are for the channel before the flush; its watermarks tell who does not keep up.
    private static let maximumBytes = 65_536

    private let channel: any Channel
    /// Nil: only the channel can send, since it encrypts or has no socket.
    private let descriptor: CInt?
    private var first: ByteBuffer?
    private var others: Deque<ByteBuffer> = []
    private(set) var byteCount = 0
    /// Whether the channel may have something left.
    private(set) var isChannelUsed = true

    /// - Parameter descriptor: the channel's; negative: only the channel can send.
    init(_ channel: any Channel, descriptor: CInt) {
        self.channel = channel
        self.descriptor = descriptor >= 0 ? descriptor : nil
    }

    /// Bytes that the channel keeps for a peer that does not take them.
    var channelBytes: Int {
        // Only a channel that is no socket knows no such option, and it keeps nothing back.
        guard let options = channel.syncOptions else { return 0 }
        return (try? options.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Whether frames may ever go past the channel.
    var isDirect: Bool { descriptor != nil }

    /// The socket that takes a frame at once; nil while something is before it.
    var clearDescriptor: CInt? { first == nil && !isChannelUsed && channel.isActive ? descriptor : nil }

    /// Whether there is more than should wait for the flush.
    var isFull: Bool { byteCount > Self.maximumBytes }

    mutating func append(_ frame: ByteBuffer) {
        byteCount += frame.readableBytes
        if first == nil {
            first = frame
        } else {
            others.append(frame)
        }
    }

    /// The next frame, for the channel.
    mutating func popForChannel() -> ByteBuffer? {
        guard let frame = first else { return nil }
        isChannelUsed = true
        byteCount -= frame.readableBytes
        first = others.popFirst()
        return frame
    }

    /// Sends what the kernel takes at once, unless the channel has something before it. Errors are the channel's to find.
    mutating func sendNow() {
        guard let descriptor else { return }
        if isChannelUsed { isChannelUsed = channelBytes > 0 }
        // The descriptor is the channel's: it is closed, and may be somebody else's, once the channel is not active.
        guard !isChannelUsed, var frame = first, channel.isActive else { return }
        if !others.isEmpty {
            var joined = channel.allocator.buffer(capacity: byteCount)
            joined.writeImmutableBuffer(frame)
            for frame in others { joined.writeImmutableBuffer(frame) }
            others = []
            frame = joined
        }
        let sent = frame.withUnsafeReadableBytes { KernelSocket.send($0, by: descriptor) }
        frame.moveReaderIndex(forwardBy: sent)
        first = frame.readableBytes > 0 ? frame : nil
        byteCount = frame.readableBytes
    }
}
