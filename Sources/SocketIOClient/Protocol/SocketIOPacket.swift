import NIOCore
import SocketIO

/// A Socket.IO v5 packet that the server sent. Arguments are slices of the message they came in.
struct SocketIOPacket {
    typealias Kind = SocketPacket.Kind

    /// What is wrong with bytes that are no packet.
    struct Malformed: Error, Equatable {
        let message: String
    }

    /// How many attachments a packet may have.
    private static let maximumAttachments = 1024
    /// A server's JSON may be nested as deep as `JSONBytes` reads.
    private static let maximumDepth = 64

    let kind: Kind
    let namespace: String
    let id: Int?
    /// Nil where the packet has none.
    let payload: JSONBytes?
    /// How many binary messages follow.
    let attachments: Int

    /// Reads a text message, after its Engine.IO type (Socket.IO v5, "Packet encoding").
    init(_ text: ByteBuffer) throws(Malformed) {
        guard let packet = SocketPacket(text) else { throw Malformed(message: "a message that is no packet") }
        guard packet.attachmentCount <= Self.maximumAttachments else {
            throw Malformed(message: "a packet of more than \(Self.maximumAttachments) attachments")
        }
        self.kind = packet.kind
        self.namespace = packet.namespace
        self.id = packet.acknowledgementID
        self.attachments = packet.attachmentCount
        guard packet.payload.readableBytes > 0 else {
            self.payload = nil
            guard kind == .connect || kind == .disconnect else { throw Malformed(message: "a packet without payload") }
            return
        }
        do throws(JSONError) {
            self.payload = try JSONBytes(validating: packet.payload, maximumDepth: Self.maximumDepth)
        } catch {
            throw Malformed(message: error.message)
        }
    }
}
