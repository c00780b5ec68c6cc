/// A new connection that nobody else may use yet.
public struct RedisOpening: Sendable {
    /// What the server says of itself.
    public let server: RedisServerInfo
    let handshake: Handshake

    /// Runs a script, by its source: nobody knows what this server has been told before.
    ///
    /// - Throws: `RedisError`; an error reply is one with code `server`.
    public func eval(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument]
    ) async throws(RedisError) -> RedisValue {
        try await self.handshake.submit {
            $0.writeRedisScript(script, withSource: true, keys: keys, arguments: arguments)
        }
    }
}
