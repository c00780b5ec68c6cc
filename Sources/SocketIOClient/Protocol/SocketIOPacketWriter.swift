import NIOCore
import SocketIO

/// Writes Socket.IO v5 packets as text messages of Engine.IO, type digit `4` included.
enum SocketIOPacketWriter {
    /// - Parameter prefix: of the namespace.
    static func event(_ name: String, _ arguments: EncodedArguments, prefix: String, id: Int?) -> ByteBuffer {
        var buffer = Self.begin(UInt8(ascii: "2"), UInt8(ascii: "5"), arguments, prefix, id)
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeJSONString(name)
        if arguments.json.readableBytes > 0 {
            buffer.writeInteger(UInt8(ascii: ","))
            buffer.writeImmutableBuffer(arguments.json)
        }
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }

    static func acknowledgement(_ id: Int, _ arguments: EncodedArguments, prefix: String) -> ByteBuffer {
        var buffer = Self.begin(UInt8(ascii: "3"), UInt8(ascii: "6"), arguments, prefix, id)
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeImmutableBuffer(arguments.json)
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }

    /// - Parameters:
    ///   - auth: one JSON text; nil: none.
    ///   - recovery: what the server needs to recover the socket's state. It goes into `auth`, if that is an object.
    static func connect(prefix: String, auth: ByteBuffer?, recovery: (pid: String, offset: String?)?) -> ByteBuffer {
        var buffer = ByteBuffer(string: "40" + prefix)
        let auth = auth ?? ByteBuffer()
        let text = auth.readableBytesView.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let recovery, text.isEmpty || text.first == UInt8(ascii: "{") else {
            buffer.writeImmutableBuffer(auth)
            return buffer
        }
        // First, so that a member of auth with the same name counts, as with the JavaScript client.
        buffer.writeString("{\"pid\":")
        buffer.writeJSONString(recovery.pid)
        if let offset = recovery.offset {
            buffer.writeString(",\"offset\":")
            buffer.writeJSONString(offset)
        }
        let members = text.dropFirst().drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        if members.isEmpty {
            buffer.writeInteger(UInt8(ascii: "}"))
        } else {
            if members.first != UInt8(ascii: "}") { buffer.writeInteger(UInt8(ascii: ",")) }
            buffer.writeBytes(members)
        }
        return buffer
    }

    static func disconnect(prefix: String) -> ByteBuffer {
        ByteBuffer(string: "41" + prefix)
    }

    private static func begin(
        _ type: UInt8, _ binaryType: UInt8, _ arguments: EncodedArguments, _ prefix: String, _ id: Int?
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: arguments.json.readableBytes + prefix.utf8.count + 64)
        buffer.writeInteger(UInt8(ascii: "4"))
        if arguments.attachments.isEmpty {
            buffer.writeInteger(type)
        } else {
            buffer.writeInteger(binaryType)
            buffer.writeJSONInteger(arguments.attachments.count)
            buffer.writeInteger(UInt8(ascii: "-"))
        }
        buffer.writeString(prefix)
        if let id { buffer.writeJSONInteger(id) }
        return buffer
    }
}
