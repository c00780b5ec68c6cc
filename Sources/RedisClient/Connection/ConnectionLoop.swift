import Logging
import NIOCore
import ServiceLifecycle

/// A connection that was in use and has ended.
struct ServedConnection: Sendable {
    let duration: Duration
    let reason: RedisError
}

/// Makes one connection after another, with growing pauses, until cancellation or graceful shutdown.
///
/// A server that cannot be reached is one warning a reason, not one for each attempt.
func runConnections(
    logger: Logger, configuration: RedisConfiguration,
    serveOne: @escaping @Sendable () async throws(RedisError) -> ServedConnection
) async {
    await cancelWhenGracefulShutdown {
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var known: String?
        while !Task.isCancelled {
            var lasted: Duration?
            do throws(RedisError) {
                let served = try await serveOne()
                lasted = served.duration
                known = nil
                if Task.isCancelled { break }
                logger.warning("lost the connection to redis", metadata: metadata(configuration, served.reason))
            } catch {
                if Task.isCancelled { break }
                logger.log(
                    level: error.message == known ? .debug : .warning, "cannot use redis",
                    metadata: metadata(configuration, error))
                known = error.message
            }
            // Cancelled while it slept: the loop's condition ends it.
            try? await Task.sleep(for: backoff.delay(afterServing: lasted, using: &random))
        }
    }
}

/// Makes a connection ready with `prepare`, and waits for its end; closes it when `prepare` fails or the task is
/// cancelled.
func withConnection(
    _ channel: any Channel, _ connection: NIOLoopBound<RedisConnection>, prepare: () async throws(RedisError) -> Void
) async throws(RedisError) -> ServedConnection {
    let start: ContinuousClock.Instant
    do {
        start = try await withTaskCancellationHandler {
            do {
                try await prepare()
            } catch {
                channel.close(promise: nil)
                try await channel.closeFuture.get()
                throw error
            }
            let start = ContinuousClock.now
            try await channel.closeFuture.get()
            return start
        } onCancel: {
            channel.close(promise: nil)
        }
    } catch {
        throw error as? RedisError ?? RedisError(code: .closed, message: "no connection to redis", underlying: error)
    }
    let reason = await onLoop(channel.eventLoop) { connection.value.failure }
    return ServedConnection(
        duration: ContinuousClock.now - start,
        reason: reason ?? RedisError(code: .closed, message: "the connection was closed"))
}

/// Runs a piece of work that cannot fail on an event loop.
func onLoop<Value: Sendable>(_ eventLoop: any EventLoop, _ work: @escaping @Sendable () -> Value) async -> Value {
    await withUnsafeContinuation { continuation in
        eventLoop.execute { continuation.resume(returning: work()) }
    }
}

extension NIOLoopBound<RedisConnection> {
    /// The means to send commands over a connection that has just been made.
    func pipeline(_ configuration: RedisConfiguration) async -> NIOLoopBound<CommandPipeline> {
        await onLoop(self.eventLoop) {
            NIOLoopBound<CommandPipeline>(
                CommandPipeline(self.value, commandTimeout: configuration.commandTimeout, eventLoop: self.eventLoop),
                eventLoop: self.eventLoop)
        }
    }
}

private func metadata(_ configuration: RedisConfiguration, _ error: RedisError) -> Logger.Metadata {
    ["redis.address": "\(configuration)", "error": "\(error)"]
}
