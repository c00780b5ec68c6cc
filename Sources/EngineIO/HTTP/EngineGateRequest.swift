import NIOCore
import NIOHTTP1

/// A request of the engine's path that is being read, decided about or answered. Confined to its connection's event loop.
final class EngineGateRequest {
    let head: HTTPRequestHead
    /// What applications are shown; the query is empty until the request is known to be well formed.
    var request: EngineHandshake
    /// Whether its last byte has been read.
    var isWhole = false
    /// Whether its decision has begun.
    var hasStarted = false
    /// What the session's event loop knows it by.
    var exchange: EngineExchange?
    /// The WebSocket's end, for an upgrade.
    var link: WebSocketLink?
    /// The request on its way to the node that owns its session.
    var relay: Relay?
    /// Whether another node passed it on to this one.
    var isRelayed = false
    /// Whether the connection ends with the answer that is being relayed.
    var isLastAnswer = false
    /// What the WebSocket that it asks for is to be like, once that is known.
    var agreement: UpgradeRequest.Agreement?
    /// The body, as far as it is of interest.
    var body: PayloadBody?
    /// Whether the session waits for the payload.
    var isPayloadWanted = false
    private(set) var timer: Scheduled<Void>?

    init(_ head: HTTPRequestHead) {
        self.head = head
        request = EngineHandshake(head: head, query: [:], peer: nil)
    }

    func start(_ timer: Scheduled<Void>) {
        self.timer = timer
    }

    func end() {
        timer?.cancel()
        timer = nil
    }
}

/// The body of a payload request, put together within the limit.
struct PayloadBody {
    private let limit: Int
    private(set) var bytes = ByteBuffer()

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - announced: the request's `Content-Length`.
    /// - Returns: `nil` when the announced length is over the limit.
    init?(limit: Int, announced: [String]) {
        self.limit = limit
        // What is no number, or several, the decoder has refused already.
        if let length = announced.first, Int(length).map({ $0 > limit }) ?? true { return nil }
    }

    /// - Returns: Whether all of it is still within the limit.
    mutating func append(_ part: ByteBuffer) -> Bool {
        guard bytes.readableBytes + part.readableBytes <= limit else { return false }
        bytes.writeImmutableBuffer(part)
        return true
    }
}
