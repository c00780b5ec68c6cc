/// What a WebSocket frame carries (RFC 6455, 5.2). Every other number is reserved.
package enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames are whole, short (125 bytes at most), and may come between the fragments of a message.
    package var isControl: Bool { self.rawValue & 0x8 != 0 }
}
