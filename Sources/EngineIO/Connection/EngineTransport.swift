package import NIOCore

/// What carries a connection's packets: a WebSocket or long-polling. Confined to its event loop.
package protocol EngineTransport: AnyObject {
    /// Queues one text packet, type digit included.
    func send(text: ByteBuffer)
    /// Queues one binary message.
    func send(binary: ByteBuffer)
    /// Queues a message that is encoded already for all of its receivers.
    func send(encoded: EncodedMessage)
    /// Hands what is queued to the network.
    func flush()
    /// Whether less than the configured limit waits for the peer.
    var isWritable: Bool { get }
    /// Bytes that wait for the peer.
    var queuedBytes: Int { get }
    /// Bytes that the peer's network has taken since the transport began.
    var takenBytes: Int { get }
    /// Ends the transport in its own way, and tells the connection nothing more.
    func close(_ reason: CloseReason)
}

/// A text message encoded once for many receivers.
public struct EncodedMessage: Sendable {
    /// The WebSocket frame, header included.
    package let frame: ByteBuffer
    /// The Engine.IO packet, type digit included; a slice of the frame.
    package let packet: ByteBuffer

    /// - Parameter message: the message without Engine.IO's type digit.
    package init(message: ByteBuffer) {
        let length = message.readableBytes + 1
        var frame = ByteBufferAllocator().buffer(capacity: length + 10)
        frame.writeInteger(UInt8(0x81))
        switch length {
        case ..<126:
            frame.writeInteger(UInt8(length))
        case ...0xFFFF:
            frame.writeInteger(UInt8(126))
            frame.writeInteger(UInt16(length))
        default:
            frame.writeInteger(UInt8(127))
            frame.writeInteger(UInt64(length))
        }
        let header = frame.writerIndex
        frame.writeInteger(EnginePacketType.message.rawValue)
        frame.writeImmutableBuffer(message)
        self.frame = frame
        self.packet = frame.getSlice(at: header, length: length) ?? frame
    }

    /// Bytes of the frame.
    public var byteCount: Int { frame.readableBytes }
}
