import NIOCore

/// The sizes of a connection's receive buffers.
///
/// A channel keeps the first buffer that it is given for as long as it lives, and would keep one of a request's size for
/// every idle connection. So the first is as small as can be, and takes only the beginning of the first request; all
/// others are new for each read, and gone with what was read.
///
/// They grow to twice the size when one was filled, and shrink to half when two were not half full.
struct ReceiveBuffers: RecvByteBufferAllocator {
    /// Of the buffer that the channel keeps, in bytes.
    static let firstBytes: Int32 = 16
    private static let minimumBytes: Int32 = 256
    private static let initialBytes: Int32 = 512
    private static let maximumBytes: Int32 = 16_384

    // Three words at most: what is larger is an allocation of its own for each channel.
    private var bytes = Self.firstBytes
    private var isShrinking = false

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        allocator.buffer(capacity: Int(bytes))
    }

    /// - Returns: Always `true`: else the channel would use the buffer that it keeps.
    mutating func record(actualReadBytes: Int) -> Bool {
        if bytes == Self.firstBytes {
            bytes = Self.initialBytes
        } else if actualReadBytes >= bytes {
            bytes = min(bytes * 2, Self.maximumBytes)
            isShrinking = false
        } else if actualReadBytes > bytes / 2 {
            isShrinking = false
        } else if isShrinking {
            bytes = max(bytes / 2, Self.minimumBytes)
            isShrinking = false
        } else {
            isShrinking = true
        }
        return true
    }
}
