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
        self.sha1 = SHA1.hexDigest(of: source)
    }
}
