public import EngineIO
public import NIOCore

extension EncodedMessage {
    /// An event with one argument, encoded once for all of its receivers.
    ///
    /// - Parameters:
    ///   - argument: one JSON value.
    ///   - namespace: whose sockets it is for. Default `/`.
    public init(event: String, argument: ByteBuffer, namespace: String = "/") {
        self.init(message: PacketWriter.event(event, argument, namespace: namespace))
    }

    /// - Parameter array: the event's name and its arguments.
    init(
        namespace: String, array: JSONBytes, attachments: [ByteBuffer], acknowledgementID: Int? = nil,
        offset: String? = nil
    ) {
        self.init(
            message: PacketWriter.event(
                namespace: namespace, array: array, attachments: attachments.count,
                acknowledgementID: acknowledgementID, offset: offset),
            attachments: attachments)
    }
}
