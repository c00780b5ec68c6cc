public import NIOCore
import Synchronization

/// A binary value among an event's arguments, or anywhere inside one: bytes that travel beside the JSON.
///
/// `Codable` only as a part of an event or an acknowledgement (``EventPayload``).
public struct Binary: Sendable, Hashable, Codable {
    /// The value; its readable bytes travel.
    public var bytes: ByteBuffer

    public init(_ bytes: ByteBuffer) {
        self.bytes = bytes
    }

    public init(_ bytes: some Sequence<UInt8>) {
        self.bytes = ByteBuffer(bytes: bytes)
    }

    private enum CodingKeys: String, CodingKey {
        case placeholder = "_placeholder"
        case number = "num"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let number = try container.decode(Int.self, forKey: .number)
        guard let attachments = decoder.userInfo[.attachments] as? [ByteBuffer], attachments.indices.contains(number),
            try container.decode(Bool.self, forKey: .placeholder)
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a binary value is expected here"))
        }
        bytes = attachments[number]
    }

    public func encode(to encoder: any Encoder) throws {
        guard let collector = encoder.userInfo[.attachmentCollector] as? AttachmentCollector else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "binary values travel in events only"))
        }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(true, forKey: .placeholder)
        try container.encode(collector.add(bytes), forKey: .number)
    }
}

extension CodingUserInfoKey {
    /// `[ByteBuffer]`: what placeholders stand for.
    static let attachments = CodingUserInfoKey(rawValue: "rejoin.attachments").unsafelyUnwrapped
    /// An `AttachmentCollector`.
    static let attachmentCollector = CodingUserInfoKey(rawValue: "rejoin.attachment-collector").unsafelyUnwrapped
}

/// Gathers the binary values of the arguments that one encoder writes.
final class AttachmentCollector: Sendable {
    private let buffers = Mutex<[ByteBuffer]>([])

    /// - Returns: the attachment's number.
    func add(_ buffer: ByteBuffer) -> Int {
        buffers.withLock { buffers in
            buffers.append(buffer)
            return buffers.count - 1
        }
    }

    var attachments: [ByteBuffer] { buffers.withLock { $0 } }
}
