import Crypto

/// A Lua script, sent by its digest, and with its source when Redis does not know it yet.
public struct RedisScript: Sendable, Hashable {
    /// For logs and metrics.
    public let name: String
    /// The digest that `EVALSHA` takes: 40 lowercase hexadecimal digits.
    public let sha1: String
    let source: [UInt8]

    /// - Parameters:
    ///   - name: what logs and metrics call it, for instance `act`.
    ///   - source: the script's text.
    public init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
        // Redis names scripts by SHA-1; nothing relies on it for security.
        self.sha1 = Insecure.SHA1.hash(data: source).reduce(into: "") { text, byte in
            text += String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
    }
}
