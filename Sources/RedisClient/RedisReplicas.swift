public import Logging
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// Says whether what was written to Redis has reached a replica, so that it outlives a failover. Any thread may call.
///
/// `WAIT` holds up every command behind it, so it has a connection of its own, which is made when it is first needed:
/// a Redis without replicas never sees it. All who ask while one answer is under way share the next one.
public final class RedisReplicas: Sendable, Service {
    private struct State {
        var waiters: [UnsafeContinuation<Bool?, Never>] = []
        var isOver = false
    }

    private let redis: RedisClient
    /// The connection that waits.
    private let waiting: RedisClient
    private let state = Mutex(State())
    private let requests: AsyncStream<Void>
    private let request: AsyncStream<Void>.Continuation
    /// How long a replica may take.
    private static let patience = Duration.seconds(1)

    /// - Parameters:
    ///   - redis: the connection for commands; what it sent before is what is asked about.
    ///   - eventLoop: for the connection that waits.
    ///   - logger: for its life.
    public init(of redis: RedisClient, eventLoop: any EventLoop, logger: Logger) {
        self.redis = redis
        var configuration = redis.configuration
        configuration.commandTimeout = Self.patience + redis.configuration.commandTimeout
        self.waiting = RedisClient(configuration: configuration, eventLoop: eventLoop, logger: logger)
        (self.requests, self.request) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Waits, about a second at most, until a replica has everything that Redis was told before.
    ///
    /// It waits for `run()`, which somebody must have begun or begin.
    ///
    /// - Returns: whether one has it; nil where Redis has no replicas, or once `run()` has ended.
    public func confirm() async -> Bool? {
        await withUnsafeContinuation { continuation in
            let isOver = self.state.withLock { state in
                if !state.isOver { state.waiters.append(continuation) }
                return state.isOver
            }
            guard !isOver else { return continuation.resume(returning: nil) }
            self.request.yield()
        }
    }

    /// Answers until the task is cancelled or the service group shuts down.
    public func run() async throws {
        defer {
            let waiters = self.state.withLock { state in
                state.isOver = true
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume(returning: nil) }
        }
        try await withThrowingDiscardingTaskGroup { group in
            var isConnecting = false
            for await _ in self.requests.cancelOnGracefulShutdown() {
                let waiters = self.state.withLock { state in
                    defer { state.waiters = [] }
                    return state.waiters
                }
                guard !waiters.isEmpty else { continue }
                // That nobody can say whether there are replicas does not mean that there are none.
                let hasReplicas = await self.hasReplicas()
                var answer: Bool? = hasReplicas == nil ? false : nil
                if hasReplicas == true {
                    if !isConnecting {
                        isConnecting = true
                        group.addTask { try await self.waiting.run() }
                    }
                    answer = await self.isReplicated()
                }
                for waiter in waiters { waiter.resume(returning: answer) }
            }
            group.cancelAll()
        }
    }

    /// - Returns: nil when Redis does not say.
    private func hasReplicas() async -> Bool? {
        do throws(RedisError) {
            let info = try await self.redis.send("INFO", ["replication"]).string ?? ""
            let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("connected_slaves:") }
            return line.map { !$0.hasSuffix(":0") }
        } catch {
            self.redis.logger.debug("replicas not asked for", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func isReplicated() async -> Bool {
        do throws(RedisError) {
            try await self.waiting.waitUntilConnected(timeout: Self.patience)
            // WAIT is about what its own connection knows of: any command before it brings that up to date.
            _ = try await self.waiting.send("PING")
            let milliseconds = Int(Self.patience / .milliseconds(1))
            return (try await self.waiting.send("WAIT", ["1", .integer(milliseconds)]).int ?? 0) > 0
        } catch {
            self.redis.logger.debug("replicas did not confirm", metadata: ["error": "\(error)"])
            return false
        }
    }
}
