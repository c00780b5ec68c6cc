import FoundationEssentials
import NIOCore

extension EventPayload {
    /// Encodes values as the arguments of an event; a ``Binary`` anywhere in them becomes an attachment.
    ///
    /// - Throws: `EncodingError`.
    public static func encoding<each Argument: Encodable>(_ arguments: repeat each Argument) throws -> EventPayload {
        let collector = AttachmentCollector()
        var payload = EventPayload()
        for argument in repeat each arguments {
            payload.arguments.append(try JSONBytes(encoding: argument, collector: collector))
        }
        payload.attachments = collector.attachments
        return payload
    }

    /// Decodes an argument; one that is not there is `null`.
    ///
    /// - Parameter index: from 0.
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, at index: Int) throws -> Value {
        let json = arguments.indices.contains(index) ? arguments[index] : .null
        return try json.decode(type, attachments: attachments)
    }
}

extension JSONBytes {
    /// Decodes a value, such as a CONNECT's `auth` or a socket's ``Socket/data``.
    ///
    /// - Throws: `DecodingError`.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try decode(type, attachments: [])
    }

    fileprivate func decode<Value: Decodable>(_ type: Value.Type, attachments: [ByteBuffer]) throws -> Value {
        // What most arguments are needs no decoder.
        let scalar: Any? =
            switch type {
            case is String.Type: string
            case is Int.Type: int
            case is Double.Type: double
            case is Bool.Type: bool
            default: nil
            }
        // Without the first condition no scalar would do for any optional value.
        if let scalar, let value = scalar as? Value { return value }
        let decoder = JSONDecoder()
        if !attachments.isEmpty { decoder.userInfo[.attachments] = attachments }
        return try decoder.decode(type, from: Data(buffer.readableBytesView))
    }

    /// Encodes a value as JSON.
    ///
    /// - Throws: `EncodingError`; also for what JSON cannot say: a number that is not finite.
    public init(encoding value: some Encodable) throws {
        try self.init(encoding: value, collector: nil)
    }

    init(encoding value: some Encodable, collector: AttachmentCollector?) throws {
        if let collector, let binary = value as? Binary {
            self = .placeholder(collector.add(binary.bytes))
            return
        }
        switch value {
        case let string as String: self.init(string: string)
        case let integer as Int: self.init(integer: integer)
        case let bool as Bool: self = bool ? .true : .false
        default:
            let encoder = JSONEncoder()
            encoder.outputFormatting = .withoutEscapingSlashes
            if let collector { encoder.userInfo[.attachmentCollector] = collector }
            self.init(unchecked: ByteBuffer(bytes: try encoder.encode(value)))
        }
    }
}
