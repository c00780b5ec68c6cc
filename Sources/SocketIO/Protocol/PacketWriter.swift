import EngineIO
import NIOCore

/// Writes Socket.IO v5 packets, without Engine.IO's type digit (Socket.IO v5, "Packet encoding").
enum PacketWriter {
    /// - Parameter recoveryID: what the client may recover its state by; see ``RecoveryOptions``.
    static func connect(namespace: String, _ id: SocketID, recoveryID: String? = nil) -> ByteBuffer {
        var buffer = header(UInt8(ascii: "0"), namespace, capacity: 64)
        buffer.writeString("{\"sid\":\"\(id.string)\"")
        if let recoveryID {
            buffer.writeString(",\"pid\":\"\(recoveryID)\"")
        }
        buffer.writeInteger(UInt8(ascii: "}"))
        return buffer
    }

    static func connectError(namespace: String, _ refusal: ConnectRefusal) -> ByteBuffer {
        var writer = JSONObjectWriter(appendingTo: header(UInt8(ascii: "4"), namespace, capacity: 64))
        writer.member("message", string: refusal.message)
        if let data = refusal.data {
            writer.member("data", json: data)
        }
        return writer.finish().buffer
    }

    static func disconnect(namespace: String) -> ByteBuffer {
        header(UInt8(ascii: "1"), namespace, capacity: 0)
    }

    /// An event with one argument: what is sent most.
    static func event(_ name: String, _ argument: ByteBuffer, namespace: String = "/") -> ByteBuffer {
        var buffer = header(
            UInt8(ascii: "2"), namespace, capacity: argument.readableBytes + name.utf8.count + 16)
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeJSONString(name)
        buffer.writeInteger(UInt8(ascii: ","))
        buffer.writeImmutableBuffer(argument)
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }

    /// - Parameter array: the event's name and its arguments, as a JSON array.
    static func event(
        namespace: String, array: JSONBytes, attachments: Int, acknowledgementID: Int? = nil, offset: String? = nil
    ) -> ByteBuffer {
        var buffer = header(
            attachments == 0 ? UInt8(ascii: "2") : UInt8(ascii: "5"), namespace, attachments: attachments,
            acknowledgementID: acknowledgementID, capacity: array.buffer.readableBytes + 32)
        guard let offset else {
            buffer.writeJSON(array)
            return buffer
        }
        // The client takes the last argument for the offset.
        buffer.writeImmutableBuffer(
            array.buffer.getSlice(at: array.buffer.readerIndex, length: array.buffer.readableBytes - 1) ?? array.buffer)
        buffer.writeString(",\"\(offset)\"]")
        return buffer
    }

    static func acknowledgement(namespace: String, _ id: Int, _ payload: EventPayload) -> ByteBuffer {
        let attachments = payload.attachments.count
        var buffer = header(
            attachments == 0 ? UInt8(ascii: "3") : UInt8(ascii: "6"), namespace, attachments: attachments,
            acknowledgementID: id, capacity: payload.arguments.reduce(32) { $0 + $1.buffer.readableBytes + 1 })
        buffer.writeJSON(JSONBytes(elements: payload.arguments))
        return buffer
    }

    static func acknowledgement(namespace: String, _ id: Int, _ argument: ByteBuffer) -> ByteBuffer {
        var buffer = header(
            UInt8(ascii: "3"), namespace, acknowledgementID: id, capacity: argument.readableBytes + 24)
        buffer.writeInteger(UInt8(ascii: "["))
        buffer.writeImmutableBuffer(argument)
        buffer.writeInteger(UInt8(ascii: "]"))
        return buffer
    }

    private static func header(
        _ type: UInt8, _ namespace: String, attachments: Int = 0, acknowledgementID: Int? = nil, capacity: Int
    ) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: capacity + namespace.utf8.count + 2)
        buffer.writeInteger(type)
        if attachments > 0 {
            buffer.writeJSONInteger(attachments)
            buffer.writeInteger(UInt8(ascii: "-"))
        }
        if namespace != "/" {
            buffer.writeString(namespace)
            buffer.writeInteger(UInt8(ascii: ","))
        }
        if let acknowledgementID {
            buffer.writeJSONInteger(acknowledgementID)
        }
        return buffer
    }
}

extension JSONBytes {
    /// The array that an event packet carries.
    init(event name: String, _ payload: EventPayload) {
        self.init(elements: CollectionOfOne(JSONBytes(string: name)) + payload.arguments)
    }
}
