import NIOCore

/// What hears of a transport: its connection, or what stands for it while, and after, a WebSocket replaces polling.
/// Confined to the transport's event loop.
protocol EngineTransportDelegate: AnyObject {
    func received(_ packet: EnginePacket)
    /// The transport is gone by itself.
    func transportEnded(_ reason: CloseReason)
    /// The transport took what had been waiting, or is full now.
    func writabilityChanged(now: NIODeadline)
    /// The transport has something of its own to send at the end of the loop's turn.
    func wantsFlush()
    /// The transport found a reason to end the connection.
    func close(_ reason: CloseReason)
}
