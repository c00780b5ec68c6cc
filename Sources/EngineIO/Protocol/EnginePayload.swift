import FoundationEssentials
import NIOCore

/// What one polling request or answer carries: packets, with the byte 0x1e between them; a binary message is `b` and
/// base64 (Engine.IO v4, "HTTP long-polling").
enum EnginePayload {
    /// Why a client's payload is none.
    enum Violation: Error, Equatable {
        /// Nothing at all, or nothing between two separators.
        case emptyPacket
        /// A packet that begins with no known type.
        case unknownType
        case badBase64
        case badUTF8
        /// A packet that only servers send, or that belongs to a WebSocket.
        case notAClients
    }

    static let separator: UInt8 = 0x1E
    private static let binary = UInt8(ascii: "b")

    /// Takes the first packet off a payload.
    ///
    /// - Returns: `nil` once all are taken.
    static func next(_ payload: inout ByteBuffer?) throws(Violation) -> EnginePacket? {
        guard var rest = payload else { return nil }
        let length = rest.readableBytesView.firstIndex(of: separator).map { $0 - rest.readerIndex }
        guard let packet = rest.readSlice(length: length ?? rest.readableBytes) else { throw .emptyPacket }
        if length == nil {
            payload = nil
        } else {
            rest.moveReaderIndex(forwardBy: 1)
            payload = rest
        }
        guard let first = packet.readableBytesView.first else { throw .emptyPacket }
        if first == binary {
            let characters = packet.readableBytesView.dropFirst()
            // Foundation also takes padding that is too much, or not at the end.
            let padding = characters.drop { $0 != UInt8(ascii: "=") }
            guard characters.count.isMultiple(of: 4), padding.count <= 2,
                padding.allSatisfy({ $0 == UInt8(ascii: "=") }),
                let bytes = Data(base64Encoded: Data(characters))
            else { throw .badBase64 }
            return .binary(ByteBuffer(bytes: bytes))
        }
        guard let text = EnginePacket(text: packet) else { throw .unknownType }
        return text
    }

    /// Whether a payload is text at all; asked once for the whole of it.
    static func isText(_ payload: ByteBuffer) -> Bool {
        var validator = UTF8Validator()
        return payload.withUnsafeReadableBytes { validator.append($0) } && validator.isComplete
    }

    /// Appends a text packet, type digit included.
    static func write(text packet: ByteBuffer, into payload: inout ByteBuffer) {
        separate(&payload)
        payload.writeImmutableBuffer(packet)
    }

    /// Appends a binary message.
    static func write(binary message: ByteBuffer, into payload: inout ByteBuffer) {
        separate(&payload)
        payload.writeInteger(binary)
        payload.writeBytes(Data(message.readableBytesView).base64EncodedData())
    }

    /// How many bytes a binary message becomes.
    static func length(ofBinary message: ByteBuffer) -> Int { 1 + (message.readableBytes + 2) / 3 * 4 }

    private static func separate(_ payload: inout ByteBuffer) {
        if payload.readableBytes > 0 { payload.writeInteger(separator) }
    }
}
