import Crypto
import FoundationEssentials

/// The proof of the opening handshake (RFC 6455, 4.2.2): base64 of SHA-1 over the client's key and a fixed text.
package enum WebSocketAccept {
    /// The value of `Sec-WebSocket-Accept` for the value of `Sec-WebSocket-Key`.
    package static func value(forKey key: String) -> String {
        var sha1 = Insecure.SHA1()
        sha1.update(data: Array(key.utf8))
        sha1.update(data: Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        return base64(Array(sha1.finalize()))
    }

    /// Base64 with padding (RFC 4648, 4).
    package static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
