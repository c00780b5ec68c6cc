/// The head of a frame: two to fourteen bytes (RFC 6455, 5.2), read without consuming them.
struct WebSocketFrameHeader {
    let opcode: WebSocketOpcode
    let isFinal: Bool
    /// Whether it begins a compressed message: the first reserved bit (RFC 7692, 6).
    let isCompressed: Bool
    let isMasked: Bool
    /// The payload's bytes, as announced.
    let payloadBytes: Int
    /// 0 also where there is no mask.
    let maskKey: UInt32
    /// The bytes of the head itself.
    let headerBytes: Int

    /// What the first byte says. It can be judged before the second one came.
    ///
    /// - Parameter allowsCompression: whether permessage-deflate was agreed on.
    static func first(
        _ byte: UInt8, allowsCompression: Bool
    ) throws(WebSocketViolation) -> (opcode: WebSocketOpcode, isFinal: Bool, isCompressed: Bool) {
        guard byte & (allowsCompression ? 0x30 : 0x70) == 0 else {
            throw .protocolError("reserved bit set without an extension")
        }
        guard let opcode = WebSocketOpcode(rawValue: byte & 0x0F) else { throw .protocolError("reserved opcode") }
        let isCompressed = byte & 0x40 != 0
        guard !isCompressed || opcode == .text || opcode == .binary else {
            throw .protocolError("compressed frame that begins no message")
        }
        let isFinal = byte & 0x80 != 0
        guard isFinal || !opcode.isControl else { throw .protocolError("fragmented control frame") }
        return (opcode, isFinal, isCompressed)
    }

    /// Reads the head at `offset`. Nil: more bytes are needed. Throws as soon as the bytes that are there are wrong,
    /// and for a payload longer than `maximumPayloadBytes` as soon as its length is known.
    static func read(
        _ bytes: UnsafeRawBufferPointer, at offset: Int = 0, masked: Bool, allowsCompression: Bool = false,
        maximumPayloadBytes: Int
    ) throws(WebSocketViolation) -> WebSocketFrameHeader? {
        let available = bytes.count - offset
        guard available >= 1 else { return nil }
        let (opcode, isFinal, isCompressed) = try Self.first(bytes[offset], allowsCompression: allowsCompression)
        guard available >= 2 else { return nil }
        let second = bytes[offset + 1]
        guard (second & 0x80 != 0) == masked else {
            throw .protocolError(masked ? "unmasked frame from a client" : "masked frame from a server")
        }
        var headerBytes = 2
        var length = UInt64(second & 0x7F)
        if length > 125 {
            guard !opcode.isControl else { throw .protocolError("control frame longer than 125 bytes") }
            if length == 126 {
                headerBytes = 4
                guard available >= headerBytes else { return nil }
                let wire = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self)
                length = UInt64(UInt16(bigEndian: wire))
                guard length > 125 else { throw .protocolError("length not in its shortest form") }
            } else {
                headerBytes = 10
                guard available >= headerBytes else { return nil }
                length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt64.self))
                guard length > 0xFFFF else { throw .protocolError("length not in its shortest form") }
            }
        }
        guard opcode.isControl || length <= UInt64(maximumPayloadBytes) else {
            throw .tooBig("message over the limit")
        }
        var maskKey: UInt32 = 0
        if masked {
            guard available >= headerBytes + 4 else { return nil }
            maskKey = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + headerBytes, as: UInt32.self))
            headerBytes += 4
        }
        return WebSocketFrameHeader(
            opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, isMasked: masked, payloadBytes: Int(length),
            maskKey: maskKey, headerBytes: headerBytes)
    }
}
