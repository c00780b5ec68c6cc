import DequeModule
import NIOCore

/// What waits for the next poll of a session, in order.
struct PollingQueue {
    enum Item {
        /// A text packet, type digit included.
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case encoded(EncodedMessage)

        /// Bytes in a payload, separators within it included.
        var byteCount: Int {
            switch self {
            case .text(let packet): packet.readableBytes
            case .binary(let message): EnginePayload.length(ofBinary: message)
            case .encoded(let message):
                message.attachments.reduce(message.packet.readableBytes) { $0 + 1 + EnginePayload.length(ofBinary: $1) }
            }
        }

        func write(into payload: inout ByteBuffer) {
            switch self {
            case .text(let packet): EnginePayload.write(text: packet, into: &payload)
            case .binary(let message): EnginePayload.write(binary: message, into: &payload)
            case .encoded(let message):
                EnginePayload.write(text: message.packet, into: &payload)
                for attachment in message.attachments {
                    EnginePayload.write(binary: attachment, into: &payload)
                }
            }
        }
    }

    private var items = Deque<Item>()
    /// Bytes that wait.
    private(set) var byteCount = 0

    var isEmpty: Bool { items.isEmpty }

    mutating func append(_ item: Item) {
        items.append(item)
        byteCount += item.byteCount
    }

    /// Takes what fits into one answer; at least one item, however long it is.
    mutating func takePayload(atMost limit: Int) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.reserveCapacity(min(byteCount, limit) + items.count)
        while let item = items.first, payload.readableBytes == 0 || payload.readableBytes + item.byteCount < limit {
            items.removeFirst()
            byteCount -= item.byteCount
            item.write(into: &payload)
        }
        if items.isEmpty { items = Deque() }  // an idle session holds no storage
        return payload
    }

    /// Takes everything, for another transport.
    mutating func takeAll() -> Deque<Item> {
        defer {
            items = Deque()
            byteCount = 0
        }
        return items
    }
}
