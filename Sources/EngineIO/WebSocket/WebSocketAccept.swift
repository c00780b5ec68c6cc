import Crypto
import NIOCore

/// The proof of the opening handshake (RFC 6455, 4.2.2): base64 of SHA-1 over the client's key and a fixed text.
package enum WebSocketAccept {
    /// The value of `Sec-WebSocket-Accept` for the value of `Sec-WebSocket-Key`.
    package static func value(forKey key: String) -> String {
        var sha1 = Insecure.SHA1()
        sha1.update(data: Array(key.utf8))
        sha1.update(data: Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        return self.base64(Array(sha1.finalize()))
    }

    /// Base64 with padding (RFC 4648, 4).
    package static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for place in 0..<4 {
                text.append(
                    place <= group.count ? alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 0x3F)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
