import NIOCore

/// Joins packets with the binary messages that follow them: the messages of one connection, in order. Pure.
struct SocketIOPacketAssembler {
    private let maximumAttachmentBytes: Int
    private var incomplete: SocketIOPacket?
    private var attachments: [ByteBuffer] = []
    private var bytes = 0

    /// - Parameter maximumAttachmentBytes: of all attachments of a packet together.
    init(maximumAttachmentBytes: Int) {
        self.maximumAttachmentBytes = maximumAttachmentBytes
    }

    /// - Returns: the packet when it is whole; nil: attachments are missing.
    mutating func textReceived(_ text: ByteBuffer) throws(SocketIOPacket.Malformed) -> SocketIOPacket? {
        guard self.incomplete == nil else { throw .init(message: "text amid the attachments of a packet") }
        let packet = try SocketIOPacket(text)
        guard packet.attachments > 0 else { return packet }
        self.incomplete = packet
        return nil
    }

    /// - Returns: the packet and its attachments when it is whole; nil: more are missing.
    mutating func binaryReceived(
        _ binary: ByteBuffer
    ) throws(SocketIOPacket.Malformed) -> (SocketIOPacket, [ByteBuffer])? {
        guard let packet = self.incomplete else { throw .init(message: "an attachment of nothing") }
        self.bytes += binary.readableBytes
        guard self.bytes <= self.maximumAttachmentBytes else {
            throw .init(message: "attachments over \(self.maximumAttachmentBytes) bytes")
        }
        self.attachments.append(binary)
        guard self.attachments.count == packet.attachments else { return nil }
        let attachments = self.attachments
        self.attachments = []
        self.bytes = 0
        self.incomplete = nil
        return (packet, attachments)
    }
}
