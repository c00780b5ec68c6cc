public import NIOCore

/// An event that the server emitted.
public struct SocketIOEvent: Sendable, Equatable {
    public let name: String
    /// What follows the name, each as JSON text.
    public let arguments: [String]
    /// What the placeholders of a binary event stand for.
    public let attachments: [ByteBuffer]
    /// Where the server waits for an acknowledgement.
    public let acknowledgementID: Int?

    /// The first argument as JSON text; `null` where there is none.
    public var argument: String { self.arguments.first ?? "null" }
}
