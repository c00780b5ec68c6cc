import EngineIO

/// What Socket.IO calls a socket: 128 random bits in base64url. Other clients may learn it; the `sid` of the
/// connection below stays secret.
public struct SocketID: Hashable, Sendable, CustomStringConvertible {
    /// As clients know it: the `id` of their socket.
    public let string: String

    /// Any string, such as one that a client named; whether a socket has it is found out by sending to it.
    public init(_ string: String) {
        self.string = string
    }

    static func random() -> SocketID {
        var bits: (high: UInt64, low: UInt64) = (0, 0)
        RandomBits.fill(&bits)
        return SocketID(SessionID.base64URL(bits.high, bits.low))
    }

    public var description: String { string }
}
