import Logging
import NIOCore

extension RedisClient {
    /// Connects, and returns when that connection has ended.
    ///
    /// - Throws: why it never came into use.
    func serveOneConnection() async throws(RedisError) -> ServedConnection {
        let (channel, connection) = try await RedisConnection.connect(self.configuration, on: self.eventLoop)
        return try await withConnection(channel, connection) { () throws(RedisError) in
            let pipeline = await connection.pipeline(self.configuration)
            let handshake = Handshake(
                configuration: self.configuration, pipeline: pipeline, eventLoop: self.eventLoop)
            try await handshake.introduce()
            try await handshake.select()
            let server = try await handshake.readServerInfo()
            try await self.prepare(RedisOpening(server: server, handshake: handshake))
            guard await self.opened(connection, pipeline, server) else {
                throw RedisError(code: .closed, message: "redis closed the connection")
            }
            self.logger.info(
                "connected to redis",
                metadata: [
                    "redis.address": "\(self.configuration)", "redis.version": "\(server.version)",
                    "redis.role": "\(server.role)",
                ])
        }
    }

    private func prepare(_ opening: RedisOpening) async throws(RedisError) {
        for prepare in await onLoop(self.eventLoop, { self.loopState.value.openings }) {
            do {
                try await prepare(opening)
            } catch {
                throw error as? RedisError
                    ?? RedisError(code: .closed, message: "the connection was not made ready", underlying: error)
            }
        }
    }

    /// Gives the connection what has been queued since the last time.
    func writeQueued() {
        let (commands, waiters) = self.queue.take()
        guard !waiters.isEmpty else { return }
        guard let pipeline = self.loopState.value.pipeline else {
            for waiter in waiters { waiter.resume(returning: .failure(.notConnected)) }
            self.queue.closed()
            return
        }
        pipeline.submit(commands, waiters)
    }

    /// - Returns: false when the connection has ended meanwhile.
    private func opened(
        _ connection: NIOLoopBound<RedisConnection>, _ pipeline: NIOLoopBound<CommandPipeline>,
        _ server: RedisServerInfo
    ) async -> Bool {
        await onLoop(self.eventLoop) {
            guard connection.value.isOpen else { return false }
            pipeline.value.observe(
                onState: { self.queue.updated(unanswered: $0, isSuspect: $1) },
                onClose: { _ in
                    self.loopState.value.pipeline = nil
                    self.queue.closed()
                })
            self.loopState.value.pipeline = pipeline.value
            for handler in self.loopState.value.connectionHandlers { handler(server) }
            self.queue.opened(server)
            for promise in self.loopState.value.connectionWaiters.values { promise.succeed() }
            return true
        }
    }
}
