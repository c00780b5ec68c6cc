/// The masking of a client's frames (RFC 6455, 5.3). Masking and unmasking are the same operation.
enum WebSocketMask {
    /// Masks `bytes` in place. `key` is the four bytes of the frame, the first one highest.
    static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer) {
        guard key != 0 else { return }
        let wire = UInt64(key.bigEndian)
        let twice = wire | wire << 32
        let count = bytes.count
        var index = 0
        while count - index >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            bytes.storeBytes(of: word ^ twice, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < count {
            bytes[index] ^= UInt8(truncatingIfNeeded: key >> (24 - 8 * UInt32(truncatingIfNeeded: index & 3)))
            index += 1
        }
    }
}
