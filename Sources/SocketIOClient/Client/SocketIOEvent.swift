public import NIOCore

/// An event that the server emitted.
public struct SocketIOEvent: Sendable, Equatable {
    public let name: String
    /// What follows the name.
    public let arguments: SocketIOArguments
    /// Where the server waits for an acknowledgement.
    public let acknowledgementID: Int?
    /// The event's place in the server's log, with servers that recover connections; nil elsewhere.
    ///
    /// Such a server appends a string to the arguments of what it emits, and the client takes it off. It cannot tell it
    /// from a string that is the last argument of a volatile event, to which such servers append nothing.
    public let offset: String?

    /// The first argument as JSON text; `null` where there is none.
    public var argument: String { self.arguments.text }

    /// What the placeholders of a binary event stand for.
    public var attachments: [ByteBuffer] { self.arguments.attachments }

    /// Decodes an argument; a missing one as `null`. A `Data` in it is an attachment.
    ///
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, at index: Int = 0) throws -> Value {
        try self.arguments.decode(type, at: index)
    }
}
