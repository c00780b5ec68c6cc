import CZlib
import NIOCore

/// Compresses messages for permessage-deflate (RFC 7692, 7.2.1), each for itself. Confined to its event loop.
final class MessageDeflater {
    /// Stays where it is: zlib refuses a stream that was moved. Nil: there was no memory for it.
    private let stream: UnsafeMutablePointer<z_stream>?

    init(windowBits: Int, level: Int, memoryLevel: Int) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A negative window: raw deflate, without zlib's head and checksum.
        let status = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, -Int32(windowBits), Int32(memoryLevel), Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            self.stream = nil
            return
        }
        self.stream = stream
    }

    deinit {
        guard let stream = self.stream else { return }
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The compressed form of a message; nil when it would not be shorter.
    func deflate(_ payload: ByteBuffer) -> ByteBuffer? {
        guard let stream = self.stream, payload.readableBytes > MessageInflater.tail.readableBytes else { return nil }
        deflateReset(stream)
        var compressed = ByteBufferAllocator().buffer(capacity: payload.readableBytes)
        let isWhole = payload.withUnsafeReadableBytes { bytes in
            // zlib reads through this pointer only.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
            stream.pointee.avail_in = UInt32(bytes.count)
            var isWhole = false
            compressed.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count) { free in
                stream.pointee.next_out = free.bindMemory(to: UInt8.self).baseAddress
                stream.pointee.avail_out = UInt32(bytes.count)
                let status = CZlib.deflate(stream, Z_SYNC_FLUSH)
                // Room that is left over is how zlib says that it has nothing more.
                isWhole = status == Z_OK && stream.pointee.avail_out > 0
                return bytes.count - Int(stream.pointee.avail_out)
            }
            return isWhole
        }
        guard isWhole, compressed.readableBytes > MessageInflater.tail.readableBytes else { return nil }
        compressed.moveWriterIndex(to: compressed.writerIndex - MessageInflater.tail.readableBytes)
        return compressed
    }
}
