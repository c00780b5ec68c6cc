import NIOCore
import SocketIO

/// What the server says of a connection in its open packet (Engine.IO v4, "Handshake").
struct EngineHandshake {
    let sid: String
    /// The transports that it can be upgraded to.
    let upgrades: [String]
    /// How long the next ping may take: interval and time-out.
    let patience: TimeAmount
    /// What the body of a POST may hold, in bytes.
    let maximumPayloadBytes: Int

    /// - Returns: nil when the packet is not an open packet, or what every one says is missing or out of range.
    init?(_ packet: ByteBuffer) {
        var packet = packet
        guard packet.readInteger(as: UInt8.self) == UInt8(ascii: "0"),
            let json = try? JSONBytes(validating: packet),
            let sid = json["sid"]?.string, !sid.isEmpty,
            let interval = json["pingInterval"]?.int, (1...86_400_000).contains(interval),
            let timeout = json["pingTimeout"]?.int, (1...86_400_000).contains(timeout)
        else { return nil }
        self.sid = sid
        self.upgrades = json["upgrades"]?.elements()?.compactMap(\.string) ?? []
        self.patience = .milliseconds(Int64(interval + timeout))
        // What servers accept that do not say: the default of the official one.
        self.maximumPayloadBytes = json["maxPayload"]?.int.flatMap { $0 > 0 ? $0 : nil } ?? 1_000_000
    }
}
