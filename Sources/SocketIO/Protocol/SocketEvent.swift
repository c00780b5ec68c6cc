public import NIOCore

/// An event that a client sent. Its arguments stay the bytes they came in until somebody asks for them.
public struct SocketEvent: Sendable, Equatable {
    /// Any string but Socket.IO's own names (`connect`, `disconnect`, …), which no client may send.
    public let name: String
    /// Whether, and under which number, the client waits for an acknowledgement.
    public let acknowledgementID: Int?
    /// The array of name and arguments; only its first element has been looked at.
    private let array: ByteBuffer
    private let attachments: [ByteBuffer]

    /// Names that Socket.IO keeps for itself; a client that sends one is closed.
    private static let reserved: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    /// Reads the name in the payload of an event packet: an array that begins with it.
    ///
    /// - Returns: `nil` when it is no such array. What follows the name may still prove to be no JSON.
    package init?(_ packet: SocketPacket, attachments: [ByteBuffer] = []) {
        guard let name = packet.payload.eventName, !Self.reserved.contains(name) else { return nil }
        self.name = name
        self.acknowledgementID = packet.acknowledgementID
        self.array = packet.payload
        self.attachments = attachments
    }

    /// The arguments, and the attachments that their placeholders stand for.
    ///
    /// - Throws: ``JSONError`` when the client sent what is no JSON: a violation of the protocol, for which a
    ///   ``SocketHandler`` that lets it through has the connection closed.
    public func payload() throws(JSONError) -> EventPayload {
        EventPayload(try JSONBytes(validating: array).elements(after: 1) ?? [], attachments: attachments)
    }

    /// The arguments of ``payload()``.
    public func arguments() throws(JSONError) -> [JSONBytes] {
        try payload().arguments
    }
}

/// What an event or an acknowledgement carries: its arguments in order, and the binary values in them.
public struct EventPayload: Sendable, Equatable {
    /// A binary value in them is ``JSONBytes/placeholder(_:)`` with its index in ``attachments``.
    public var arguments: [JSONBytes]
    /// The bytes of the binary values, in the order of their numbers.
    public var attachments: [ByteBuffer]

    public init(_ arguments: [JSONBytes] = [], attachments: [ByteBuffer] = []) {
        self.arguments = arguments
        self.attachments = attachments
    }

    /// Reads the payload of an acknowledgement packet.
    ///
    /// - Returns: `nil` when it is no array, or no JSON.
    init?(acknowledgement packet: SocketPacket, attachments: [ByteBuffer]) {
        do {
            guard let elements = try JSONBytes(validating: packet.payload).elements() else { return nil }
            self.init(elements, attachments: attachments)
        } catch {
            return nil
        }
    }
}

extension SocketPacket {
    /// Whether the payload of a binary packet is JSON whose placeholders are its attachments.
    var hasMatchingPlaceholders: Bool {
        do {
            return try JSONBytes(validating: payload).placeholdersMatch(attachments: attachmentCount)
        } catch {
            return false
        }
    }
}

extension ByteBuffer {
    /// The string that an array begins with.
    fileprivate var eventName: String? {
        let range: Range<Int>? = withUnsafeReadableBytes { bytes in
            var index = 0
            func skipSpace() {
                while index < bytes.count, JSONCursor.isWhiteSpace(bytes[index]) { index += 1 }
            }
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "[") else { return nil }
            index += 1
            skipSpace()
            var cursor = JSONCursor(bytes, at: index)
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
            let range = cursor.value()
            index = range.upperBound
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: ",") || bytes[index] == UInt8(ascii: "]") else {
                return nil
            }
            return range
        }
        guard let range, let text = getSlice(at: readerIndex + range.lowerBound, length: range.count) else {
            return nil
        }
        do {
            return try JSONBytes(validating: text).string
        } catch {
            return nil
        }
    }
}
