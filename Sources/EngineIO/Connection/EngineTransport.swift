package import NIOCore

/// What carries a connection's packets: a WebSocket or long-polling. Confined to its event loop.
package protocol EngineTransport: AnyObject {
    /// Queues one text packet, type digit included.
    func send(text: ByteBuffer)
    /// Queues one binary message.
    func send(binary: ByteBuffer)
    /// Queues a message that is encoded already for all of its receivers.
    func send(encoded: EncodedMessage)
    /// Hands what is queued to the network.
    func flush()
    /// Whether less than the configured limit waits for the peer.
    var isWritable: Bool { get }
    /// Bytes that wait for the peer.
    var queuedBytes: Int { get }
    /// Bytes that the peer's network has taken since the transport began.
    var takenBytes: Int { get }
    /// Where a message for many finds the transport; ``ShortWays/Place/none`` when it has to be given one by one.
    var shortWay: ShortWays.Place { get }
    /// Ends the transport in its own way, and tells the connection nothing more.
    func close(_ reason: CloseReason)
}

extension EngineTransport {
    package var shortWay: ShortWays.Place { .none }
}
