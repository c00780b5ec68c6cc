import NIOCore
import NIOHTTP1

/// What a relay tells the client's side. Confined to the event loop of the client's connection, which is the relay's too.
protocol RelayClient: AnyObject {
    func relayed(_ relay: Relay, head: HTTPResponseHead)
    func relayed(_ relay: Relay, body: ByteBuffer)
    func relayedAll(_ relay: Relay)
    func flushRelayed(_ relay: Relay)
    /// The owner of the session made a WebSocket of its side: from here on there are only bytes.
    func switched(_ relay: Relay, head: HTTPResponseHead)
    /// More of the request may come, or not.
    func relayWantsMore(_ relay: Relay)
    /// The owner was not reached, and has seen nothing.
    func unreachable(_ relay: Relay)
    /// The owner went away in the middle of it.
    func broken(_ relay: Relay)
}
