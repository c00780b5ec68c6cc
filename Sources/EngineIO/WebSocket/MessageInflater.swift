import CZlib
import NIOCore

/// Inflates messages of permessage-deflate (RFC 7692, 7.2.2), each for itself. Confined to its event loop.
///
/// All WebSockets of a loop share one: between two messages nothing is kept but zlib's own memory of about 40 KiB,
/// which is made for the first message.
package final class MessageInflater {
    /// What a sender cuts off every message: the head of an empty block's content.
    static let tail = ByteBuffer(bytes: [0x00, 0x00, 0xFF, 0xFF])

    /// Stays where it is: zlib refuses a stream that was moved.
    private var stream: UnsafeMutablePointer<z_stream>?

    package init() {}

    deinit {
        guard let stream = self.stream else { return }
        inflateEnd(stream)
        stream.deallocate()
    }

    /// The longest compressed form of a message within a limit: a sender that never gives up on compressing may make a
    /// message longer, by an eighth with the shortest tables there are.
    static func compressedLimit(forMessageBytes limit: Int) -> Int {
        let (sum, overflow) = limit.addingReportingOverflow(limit / 8 + 64)
        return overflow ? .max : sum
    }

    /// The whole message. Throws a 1009 at the first byte over `maximumBytes`, for which no memory is held, and a 1007
    /// for what deflate cannot have written.
    func inflate(_ payload: ByteBuffer, maximumBytes: Int) throws(WebSocketViolation) -> ByteBuffer {
        guard payload.readableBytes > 0 else { return ByteBuffer() }
        let stream = try self.ready()
        var message = ByteBufferAllocator().buffer(
            capacity: min(maximumBytes, max(256, 3 * payload.readableBytes)))
        let isEnded = try payload.withUnsafeReadableBytes { bytes throws(WebSocketViolation) in
            try Self.inflate(bytes, stream, into: &message, maximumBytes)
        }
        // A last block that says that it is the last needs no tail (RFC 7692, 7.2.3.4).
        guard !isEnded else { return message }
        _ = try Self.tail.withUnsafeReadableBytes { bytes throws(WebSocketViolation) in
            try Self.inflate(bytes, stream, into: &message, maximumBytes)
        }
        // zlib says by this bit that it stands between two blocks.
        guard stream.pointee.data_type & 128 != 0 else { throw Self.invalid }
        return message
    }

    /// Feeds all of `bytes`.
    ///
    /// - Returns: Whether the last byte ended a last block.
    private static func inflate(
        _ bytes: UnsafeRawBufferPointer, _ stream: UnsafeMutablePointer<z_stream>, into message: inout ByteBuffer,
        _ maximumBytes: Int
    ) throws(WebSocketViolation) -> Bool {
        // zlib reads through this pointer only.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(bytes.count)
        while true {
            let room = maximumBytes - message.readableBytes
            let status = room > 0 ? Self.step(stream, into: &message, atMost: room) : try Self.stepOverTheLimit(stream)
            switch status {
            case Z_OK:
                guard stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0 else { return false }
            case Z_BUF_ERROR where stream.pointee.avail_in == 0:
                return false
            case Z_STREAM_END:
                inflateReset(stream)
                guard stream.pointee.avail_in > 0 else { return true }
            case Z_MEM_ERROR:
                throw Self.noMemory
            default:
                throw Self.invalid
            }
        }
    }

    private static func step(
        _ stream: UnsafeMutablePointer<z_stream>, into message: inout ByteBuffer, atMost room: Int
    ) -> Int32 {
        var status = Z_OK
        message.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { free in
            let count = min(free.count, room)
            stream.pointee.next_out = free.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(count)
            status = CZlib.inflate(stream, Z_NO_FLUSH)
            return count - Int(stream.pointee.avail_out)
        }
        return status
    }

    /// The message has its full length: what is left may only be the end of it.
    private static func stepOverTheLimit(_ stream: UnsafeMutablePointer<z_stream>) throws(WebSocketViolation) -> Int32 {
        var byte: UInt8 = 0
        let status = withUnsafeMutablePointer(to: &byte) { byte in
            stream.pointee.next_out = byte
            stream.pointee.avail_out = 1
            return CZlib.inflate(stream, Z_NO_FLUSH)
        }
        guard stream.pointee.avail_out == 1 else { throw .tooBig("message over the limit") }
        return status
    }

    private func ready() throws(WebSocketViolation) -> UnsafeMutablePointer<z_stream> {
        if let stream = self.stream {
            inflateReset(stream)
            return stream
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Negative: raw deflate, without zlib's head and checksum.
        guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw Self.noMemory
        }
        self.stream = stream
        return stream
    }

    private static let invalid = WebSocketViolation(
        closeCode: WebSocketCloseCode.invalidPayload, message: "message that cannot be inflated")
    private static let noMemory = WebSocketViolation(
        closeCode: WebSocketCloseCode.internalError, message: "no memory to inflate a message")
}
