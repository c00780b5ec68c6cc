package import NIOCore

/// Writes WebSocket frames (RFC 6455, 5.2): whole, never fragmented. A client passes a mask key, a server none.
package enum WebSocketFrame {
    /// The most that a head adds to a payload: 14 bytes, 10 without a mask.
    package static let maximumHeaderBytes = 14

    /// What a control frame may carry.
    package static let maximumControlBytes = 125

    package static func writeText(_ payload: ByteBuffer, into buffer: inout ByteBuffer, maskKey: UInt32? = nil) {
        self.write(.text, payload, into: &buffer, maskKey: maskKey)
    }

    package static func writeText(_ payload: String, into buffer: inout ByteBuffer, maskKey: UInt32? = nil) {
        self.writeHeader(.text, payloadBytes: payload.utf8.count, into: &buffer, maskKey: maskKey)
        let written = buffer.writeString(payload)
        self.maskLast(written, of: &buffer, maskKey)
    }

    package static func writeBinary(_ payload: ByteBuffer, into buffer: inout ByteBuffer, maskKey: UInt32? = nil) {
        self.write(.binary, payload, into: &buffer, maskKey: maskKey)
    }

    /// The payload must be at most 125 bytes.
    package static func writePing(_ payload: ByteBuffer, into buffer: inout ByteBuffer, maskKey: UInt32? = nil) {
        self.write(.ping, payload, into: &buffer, maskKey: maskKey)
    }

    /// The payload must be at most 125 bytes, as that of every ping is.
    package static func writePong(_ payload: ByteBuffer, into buffer: inout ByteBuffer, maskKey: UInt32? = nil) {
        self.write(.pong, payload, into: &buffer, maskKey: maskKey)
    }

    /// The code must be one that may be sent; nil writes an empty close frame, without the reason. A reason over 123
    /// bytes is cut between two characters.
    package static func writeClose(
        code: UInt16?, reason: String = "", into buffer: inout ByteBuffer, maskKey: UInt32? = nil
    ) {
        guard let code else {
            return self.writeHeader(.close, payloadBytes: 0, into: &buffer, maskKey: maskKey)
        }
        precondition(WebSocketCloseCode.mayBeSent(code), "close code \(code) must not be sent")
        let reason = self.prefix(of: reason, maximumBytes: self.maximumControlBytes - 2)
        self.writeHeader(.close, payloadBytes: 2 + reason.utf8.count, into: &buffer, maskKey: maskKey)
        let written = buffer.writeInteger(code) + buffer.writeSubstring(reason)
        self.maskLast(written, of: &buffer, maskKey)
    }

    /// A server's text frame in one buffer of its own, to be written to many channels.
    package static func encodeText(_ payload: ByteBuffer) -> ByteBuffer {
        self.encode(.text, payload)
    }

    /// A server's binary frame in one buffer of its own, to be written to many channels.
    package static func encodeBinary(_ payload: ByteBuffer) -> ByteBuffer {
        self.encode(.binary, payload)
    }

    /// The head of a final frame, in the shortest form. With a mask key the payload that follows must be masked with
    /// it. A compressed payload is announced by the first reserved bit (RFC 7692, 6).
    package static func writeHeader(
        _ opcode: WebSocketOpcode, payloadBytes: Int, into buffer: inout ByteBuffer, maskKey: UInt32? = nil,
        isCompressed: Bool = false
    ) {
        precondition(
            !opcode.isControl || payloadBytes <= self.maximumControlBytes, "a control frame carries at most 125 bytes")
        buffer.writeInteger((isCompressed ? 0xC0 : 0x80) | opcode.rawValue)
        let mask: UInt8 = maskKey == nil ? 0 : 0x80
        switch payloadBytes {
        case ...125:
            buffer.writeInteger(mask | UInt8(payloadBytes))
        case ...0xFFFF:
            buffer.writeInteger(mask | 126)
            buffer.writeInteger(UInt16(payloadBytes))
        default:
            buffer.writeInteger(mask | 127)
            buffer.writeInteger(UInt64(payloadBytes))
        }
        if let maskKey {
            buffer.writeInteger(maskKey)
        }
    }

    private static func encode(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: payload.readableBytes + 10)
        self.write(opcode, payload, into: &buffer, maskKey: nil)
        return buffer
    }

    static func write(
        _ opcode: WebSocketOpcode, _ payload: ByteBuffer, into buffer: inout ByteBuffer, maskKey: UInt32?,
        isCompressed: Bool = false
    ) {
        self.writeHeader(
            opcode, payloadBytes: payload.readableBytes, into: &buffer, maskKey: maskKey, isCompressed: isCompressed)
        let written = buffer.writeImmutableBuffer(payload)
        self.maskLast(written, of: &buffer, maskKey)
    }

    private static func maskLast(_ count: Int, of buffer: inout ByteBuffer, _ maskKey: UInt32?) {
        guard let maskKey, maskKey != 0, count > 0 else { return }
        buffer.withUnsafeMutableReadableBytes { pointer in
            WebSocketMask.apply(maskKey, to: .init(rebasing: pointer.suffix(count)))
        }
    }

    private static func prefix(of text: String, maximumBytes: Int) -> Substring {
        guard text.utf8.count > maximumBytes else { return text[...] }
        var end = text.utf8.index(text.startIndex, offsetBy: maximumBytes)
        while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
            end = text.utf8.index(before: end)
        }
        return text[..<end]
    }
}
