package import NIOCore

/// What the WebSockets of one event loop compress and inflate with. Confined to its event loop.
package final class WebSocketDeflate {
    package let compression: WebSocketCompression
    package let inflater = MessageInflater()
    /// By the bits of their windows; seven at most, most of the time one.
    private var deflaters: [Int: MessageDeflater] = [:]

    package init(_ compression: WebSocketCompression) {
        self.compression = compression
    }

    /// Writes one message, compressed where that makes it shorter.
    package func write(
        _ opcode: WebSocketOpcode, _ payload: ByteBuffer, windowBits: Int, into buffer: inout ByteBuffer,
        maskKey: UInt32? = nil
    ) {
        if payload.readableBytes >= self.compression.thresholdBytes,
            let compressed = self.deflater(windowBits).deflate(payload)
        {
            WebSocketFrame.write(opcode, compressed, into: &buffer, maskKey: maskKey, isCompressed: true)
        } else {
            WebSocketFrame.write(opcode, payload, into: &buffer, maskKey: maskKey)
        }
    }

    private func deflater(_ windowBits: Int) -> MessageDeflater {
        if let deflater = self.deflaters[windowBits] { return deflater }
        let deflater = MessageDeflater(
            windowBits: windowBits, level: self.compression.level, memoryLevel: self.compression.memoryLevel)
        self.deflaters[windowBits] = deflater
        return deflater
    }
}
