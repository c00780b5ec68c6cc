public import NIOCore
public import SocketIO

/// An event that the server emitted.
public struct SocketIOEvent: Sendable, Equatable {
    public let name: String
    /// What follows the name, and the binary values in it.
    public let payload: EventPayload
    /// Where the server waits for an acknowledgement.
    public let acknowledgementID: Int?
    /// The event's place in the server's log, with servers that recover connections; nil elsewhere.
    ///
    /// Such a server appends a string to the arguments of what it emits, and the client takes it off. It cannot tell it
    /// from a string that is the last argument of a volatile event, to which some servers append nothing. Events that
    /// wait for an acknowledgement have none.
    public let offset: String?

    /// What follows the name, each as JSON.
    public var arguments: [JSONBytes] { self.payload.arguments }

    /// The first argument as JSON text; `null` where there is none.
    public var argument: String { self.payload.text }

    /// What the placeholders of a binary event stand for.
    public var attachments: [ByteBuffer] { self.payload.attachments }

    /// Decodes an argument; a missing one as `null`. Bytes in it, at whatever depth, are `Binary`.
    ///
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, at index: Int = 0) throws -> Value {
        try self.payload.decode(type, at: index)
    }
}

extension EventPayload {
    /// The first argument as JSON text; `null` where there is none.
    var text: String { String(buffer: (self.arguments.first ?? .null).buffer) }
}
