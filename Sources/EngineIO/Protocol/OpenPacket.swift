package import NIOCore

/// The first packet of a connection: what the client must know of it (Engine.IO v4, "Handshake").
package struct OpenPacket: Sendable, Equatable {
    package var sid: String
    package var upgrades: [String]
    package var pingInterval: Duration
    package var pingTimeout: Duration
    package var maximumPayloadBytes: Int

    package init(
        sid: String, upgrades: [String], pingInterval: Duration, pingTimeout: Duration, maximumPayloadBytes: Int
    ) {
        self.sid = sid
        self.upgrades = upgrades
        self.pingInterval = pingInterval
        self.pingTimeout = pingTimeout
        self.maximumPayloadBytes = maximumPayloadBytes
    }

    /// The whole packet, type digit included. A `sid` and the transports' names hold nothing that JSON would escape.
    package func encoded(allocator: ByteBufferAllocator) -> ByteBuffer {
        let upgrades = upgrades.map { "\"\($0)\"" }.joined(separator: ",")
        let text =
            "0{\"sid\":\"\(sid)\",\"upgrades\":[\(upgrades)],\"pingInterval\":\(pingInterval.wholeMilliseconds),"
            + "\"pingTimeout\":\(pingTimeout.wholeMilliseconds),\"maxPayload\":\(maximumPayloadBytes)}"
        return allocator.buffer(string: text)
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    package var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
