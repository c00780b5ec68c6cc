public import EngineIO
public import NIOCore

/// Writes Socket.IO v5 packets of the namespace `/`, without Engine.IO's type digit.
enum PacketWriter {
    static func connect(_ id: SocketID) -> ByteBuffer {
        ByteBuffer(string: "0{\"sid\":\"\(id.string)\"}")
    }

    static func connectError(namespace: String, _ refusal: ConnectRefusal) -> ByteBuffer {
        var buffer = ByteBuffer(string: "4")
        if namespace != "/" {
            buffer.writeString(namespace + ",")
        }
        var writer = JSONObjectWriter(appendingTo: buffer)
        writer.member("message", string: refusal.message)
        if let data = refusal.data {
            writer.member("data", json: data)
        }
        return writer.finish().buffer
    }

    static let disconnect = ByteBuffer(string: "1")

    static func event(_ name: String, _ argument: ByteBuffer, acknowledgementID: Int? = nil) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: argument.readableBytes + name.utf8.count + 16)
        buffer.writeInteger(UInt8(ascii: "2"))
        if let acknowledgementID {
            buffer.writeJSONInteger(acknowledgementID)
        }
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeJSONString(name)
        buffer.writeInteger(UInt8(ascii: ","))
        buffer.writeImmutableBuffer(argument)
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }

    static func acknowledgement(_ id: Int, _ argument: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: argument.readableBytes + 24)
        buffer.writeInteger(UInt8(ascii: "3"))
        buffer.writeJSONInteger(id)
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeImmutableBuffer(argument)
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }
}

extension EncodedMessage {
    /// An event with one argument, encoded once for all of its receivers.
    ///
    /// - Parameter argument: one JSON value.
    public init(event: String, argument: ByteBuffer) {
        self.init(message: PacketWriter.event(event, argument))
    }
}
