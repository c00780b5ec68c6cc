public import EngineIO
public import NIOCore

extension EncodedMessage {
    /// An event of the namespace `/` with one argument, encoded once for all of its receivers.
    ///
    /// - Parameter argument: one JSON value.
    public init(event: String, argument: ByteBuffer) {
        self.init(message: PacketWriter.event(event, argument))
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
