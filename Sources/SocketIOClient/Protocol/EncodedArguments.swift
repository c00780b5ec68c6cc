import NIOCore
import SocketIO

/// The arguments of a packet as they are sent.
struct EncodedArguments: Sendable {
    /// JSON values with commas between them.
    private(set) var json: ByteBuffer
    let attachments: [ByteBuffer]

    init(_ payload: EventPayload) {
        self.json = ByteBuffer()
        self.attachments = payload.attachments
        for argument in payload.arguments {
            if self.json.readableBytes > 0 { self.json.writeInteger(UInt8(ascii: ",")) }
            self.json.writeJSON(argument)
        }
    }

    /// - Parameters:
    ///   - raw: JSON values with commas between them, which nobody checks.
    ///   - attachments: what the placeholders in it stand for.
    init(raw: String, attachments: [ByteBuffer] = []) {
        self.json = ByteBuffer(string: raw)
        self.attachments = attachments
    }
}
