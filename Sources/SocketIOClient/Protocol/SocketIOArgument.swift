import FoundationEssentials
public import NIOCore
public import SocketIO
import Synchronization

/// One argument of an event or an acknowledgement that is sent. Bytes travel beside the JSON, as attachments.
public enum SocketIOArgument: Sendable {
    case json(JSONBytes)
    /// Bytes, which the receiver gets as such.
    case binary(ByteBuffer)
    /// Anything that can be encoded. A `Data` in it, at whatever depth, is sent as an attachment.
    case value(any Encodable & Sendable)

    public static func string(_ text: String) -> SocketIOArgument { .json(JSONBytes(string: text)) }
    public static func integer(_ number: Int) -> SocketIOArgument { .json(JSONBytes(integer: number)) }
    public static func boolean(_ value: Bool) -> SocketIOArgument { .json(value ? .true : .false) }
}

/// The arguments of a packet as they are sent.
struct EncodedArguments: Sendable {
    /// JSON values with commas between them.
    private(set) var json = ByteBuffer()
    private(set) var attachments: [ByteBuffer] = []

    /// - Parameters:
    ///   - raw: JSON values with commas between them, which nobody checks.
    ///   - attachments: what the placeholders in it stand for.
    init(raw: String, attachments: [ByteBuffer] = []) {
        self.json = ByteBuffer(string: raw)
        self.attachments = attachments
    }

    /// - Throws: what encoding a value throws.
    init(_ arguments: [SocketIOArgument]) throws {
        for argument in arguments {
            if self.json.readableBytes > 0 { self.json.writeInteger(UInt8(ascii: ",")) }
            switch argument {
            case .json(let json): self.json.writeJSON(json)
            case .binary(let bytes):
                self.json.writeString("{\"_placeholder\":true,\"num\":\(self.attachments.count)}")
                self.attachments.append(bytes)
            case .value(let value): try self.append(value)
            }
        }
    }

    private mutating func append(_ value: any Encodable) throws {
        let attachments = AttachmentList(self.attachments)
        let encoder = JSONEncoder()
        encoder.dataEncodingStrategy = .custom { data, encoder in
            try Placeholder(num: attachments.append(ByteBuffer(bytes: data))).encode(to: encoder)
        }
        self.json.writeBytes(try encoder.encode(value))
        self.attachments = attachments.all
    }

    /// An encoder's strategy may be called from anywhere, says its type.
    private final class AttachmentList: Sendable {
        private let list: Mutex<[ByteBuffer]>

        init(_ attachments: [ByteBuffer]) {
            self.list = Mutex(attachments)
        }

        var all: [ByteBuffer] { self.list.withLock { $0 } }

        func append(_ bytes: ByteBuffer) -> Int {
            self.list.withLock { list in
                list.append(bytes)
                return list.count - 1
            }
        }
    }
}

/// What stands in a packet's JSON where an attachment belongs (Socket.IO v5, "Packet encoding").
struct Placeholder: Codable {
    var isPlaceholder = true
    let num: Int

    init(num: Int) {
        self.num = num
    }

    private enum CodingKeys: String, CodingKey {
        case isPlaceholder = "_placeholder"
        case num
    }
}
