import FoundationEssentials
public import NIOCore
public import SocketIO

/// The arguments of an event or an acknowledgement that came: JSON, and the attachments it stands for.
public struct SocketIOArguments: Sendable, Equatable, RandomAccessCollection {
    private let values: [JSONBytes]
    /// What the placeholders of a binary packet stand for, in the order of their numbers.
    public let attachments: [ByteBuffer]

    init(_ values: [JSONBytes] = [], attachments: [ByteBuffer] = []) {
        self.values = values
        self.attachments = attachments
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { self.values.count }
    public subscript(position: Int) -> JSONBytes { self.values[position] }

    /// The first argument as JSON text; `null` where there is none.
    public var text: String { String(buffer: (self.first ?? .null).buffer) }

    /// The bytes that a JSON value of these arguments stands for; nil where it is no placeholder.
    public func binary(_ value: JSONBytes) -> ByteBuffer? {
        guard value["_placeholder"]?.bool == true, let number = value["num"]?.int,
            self.attachments.indices.contains(number)
        else { return nil }
        return self.attachments[number]
    }

    /// The bytes of an argument; nil where it is no binary one, or there is none.
    public func binary(at index: Int = 0) -> ByteBuffer? {
        self.indices.contains(index) ? self.binary(self.values[index]) : nil
    }

    /// Decodes an argument; a missing one as `null`. A `Data` in it, at whatever depth, is an attachment.
    ///
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, at index: Int = 0) throws -> Value {
        let value = self.indices.contains(index) ? self.values[index] : .null
        let decoder = JSONDecoder()
        let attachments = self.attachments
        decoder.dataDecodingStrategy = .custom { decoder in
            let placeholder = try Placeholder(from: decoder)
            guard placeholder.isPlaceholder, attachments.indices.contains(placeholder.num) else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a placeholder without an attachment"))
            }
            return Data(attachments[placeholder.num].readableBytesView)
        }
        return try decoder.decode(type, from: Data(value.buffer.readableBytesView))
    }
}
