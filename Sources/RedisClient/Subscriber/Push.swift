import NIOCore

/// What Redis says on a connection with subscriptions (RESP2, "Pub/Sub wire protocol").
enum Push: Equatable {
    case message(RedisChannel, ByteBuffer)
    case subscribed(RedisChannel)
    case unsubscribed(RedisChannel)
    case pong
    case error(code: String, message: String)
    /// Nothing that belongs here.
    case unknown

    init(_ reply: RedisValue) {
        switch reply {
        case .status("PONG"): self = .pong
        case .error(let code, let message): self = .error(code: code, message: message)
        case .array(let elements): self = Push(elements) ?? .unknown
        case .status, .integer, .bytes, .null: self = .unknown
        }
    }

    private init?(_ elements: [RedisValue]) {
        guard let word = elements.first?.buffer else { return nil }
        if word == Word.pong { self = .pong; return }
        guard elements.count == 3, let name = elements[1].buffer else { return nil }
        switch word {
        case Word.message, Word.sharded.message:
            guard let payload = elements[2].buffer else { return nil }
            self = .message(RedisChannel(kind: word == Word.message ? .plain : .sharded, bytes: name), payload)
        case Word.subscribe: self = .subscribed(RedisChannel(kind: .plain, bytes: name))
        case Word.sharded.subscribe: self = .subscribed(RedisChannel(kind: .sharded, bytes: name))
        case Word.unsubscribe: self = .unsubscribed(RedisChannel(kind: .plain, bytes: name))
        case Word.sharded.unsubscribe: self = .unsubscribed(RedisChannel(kind: .sharded, bytes: name))
        default: return nil
        }
    }

    private enum Word {
        static let message = ByteBuffer(string: "message")
        static let subscribe = ByteBuffer(string: "subscribe")
        static let unsubscribe = ByteBuffer(string: "unsubscribe")
        static let pong = ByteBuffer(string: "pong")
        static let sharded = (
            message: ByteBuffer(string: "smessage"), subscribe: ByteBuffer(string: "ssubscribe"),
            unsubscribe: ByteBuffer(string: "sunsubscribe")
        )
    }
}
