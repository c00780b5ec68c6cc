import NIOCore

/// What is said on every new connection before it is used.
struct Handshake: Sendable {
    let configuration: RedisConfiguration
    let pipeline: NIOLoopBound<CommandPipeline>
    let eventLoop: any EventLoop

    /// `AUTH` if there is a password, then `PING`, which (unlike `INFO`) is refused while the server loads its data:
    /// what `INFO` says then is not final.
    func introduce() async throws(RedisError) {
        if let password = self.configuration.password {
            let credentials = [self.configuration.user, password].compactMap { $0.map(RedisArgument.string) }
            do throws(RedisError) {
                _ = try await self.send("AUTH", credentials)
            } catch {
                // An error reply may repeat the command's arguments, so only its first word is kept.
                guard case .server(let word) = error.code else { throw error }
                throw RedisError(code: .server(word), message: "redis refused the credentials")
            }
        }
        _ = try await self.send("PING", [])
    }

    func select() async throws(RedisError) {
        guard self.configuration.database != 0 else { return }
        _ = try await self.send("SELECT", [.integer(self.configuration.database)])
    }

    func readServerInfo() async throws(RedisError) -> RedisServerInfo {
        let sections = [try await self.send("INFO", ["server"]), try await self.send("INFO", ["replication"])]
        return try RedisServerInfo(replies: sections)
    }

    private func send(_ command: String, _ arguments: [RedisArgument]) async throws(RedisError) -> RedisValue {
        try await self.submit { $0.writeRedisCommand(command, arguments) }
    }

    func submit(_ encode: (inout ByteBuffer) -> Void) async throws(RedisError) -> RedisValue {
        var bytes = ByteBuffer()
        encode(&bytes)
        let result = await withUnsafeContinuation { [bytes] (continuation: ReplyContinuation) in
            self.eventLoop.execute { self.pipeline.value.submit(bytes, [continuation]) }
        }
        return try result.get()
    }
}
