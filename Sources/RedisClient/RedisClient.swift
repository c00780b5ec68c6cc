public import Logging
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// A client of one Redis server: one connection, all commands pipelined. Any thread may call it.
///
/// It connects while `run()` runs, and makes a new connection whenever one ends. A command that Redis cannot take now
/// fails at once rather than wait: while there is no connection, and from the moment a command timed out until Redis
/// answers anything again. Nothing is sent twice, so a command that failed with `timeout` or `closed` may have been
/// carried out.
///
/// Not for commands that change the connection or wait: `SUBSCRIBE`, `MULTI`, `BLPOP`, `MONITOR`, `HELLO`, `CLIENT
/// REPLY`.
public final class RedisClient: Sendable, Service {
    public let configuration: RedisConfiguration
    /// The event loop of the connection.
    public let eventLoop: any EventLoop
    let logger: Logger
    let queue: CommandQueue
    let loopState: NIOLoopBoundBox<LoopState>
    private let isRunning = Atomic<Bool>(false)

    /// What only the event loop touches.
    struct LoopState {
        var pipeline: CommandPipeline?
        var connectionHandlers: [@Sendable (RedisServerInfo) -> Void] = []
        var openings: [@Sendable (RedisOpening) async throws -> Void] = []
        var connectionWaiters: [ObjectIdentifier: EventLoopPromise<Void>] = [:]
    }

    /// - Parameters:
    ///   - configuration: where Redis is.
    ///   - eventLoop: a loop of NIOPosix, which must outlive `run()`.
    ///   - logger: for the life of the connection; commands are never logged.
    public init(configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.queue = CommandQueue(maximumInFlight: configuration.maximumInFlight)
        self.loopState = .makeBoxSendingValue(LoopState(), eventLoop: eventLoop)
    }

    /// Connects and reconnects until the task is cancelled or the service group shuts down; then closes the connection.
    ///
    /// One at a time: a second call while the first runs is a programming error.
    public func run() async throws {
        precondition(!self.isRunning.exchange(true, ordering: .acquiringAndReleasing), "the client runs already")
        defer { self.isRunning.store(false, ordering: .releasing) }
        await runConnections(logger: self.logger, configuration: self.configuration) { () throws(RedisError) in
            do throws(RedisError) {
                let served = try await self.serveOneConnection()
                self.queue.failed(served.reason)
                return served
            } catch {
                self.queue.failed(error)
                throw error
            }
        }
    }

    /// Sends a command and returns its answer.
    ///
    /// It ends within `commandTimeout`, also when the task is cancelled: what was sent cannot be taken back.
    ///
    /// - Throws: `RedisError`; an error reply is one with code `server`.
    public func send(_ command: String, _ arguments: [RedisArgument] = []) async throws(RedisError) -> RedisValue {
        try await self.enqueue { $0.writeRedisCommand(command, arguments) }.get()
    }

    /// Runs a script by its digest, and with its source when Redis does not know it.
    ///
    /// - Throws: `RedisError`; an error reply, also one that the script itself made, is one with code `server`.
    public func eval(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument]
    ) async throws(RedisError) -> RedisValue {
        let result = await self.enqueue {
            $0.writeRedisScript(script, withSource: false, keys: keys, arguments: arguments)
        }
        guard case .failure(let error) = result, error.code == .server("NOSCRIPT") else { return try result.get() }
        return try await self.enqueue {
            $0.writeRedisScript(script, withSource: true, keys: keys, arguments: arguments)
        }.get()
    }

    /// What the connected server said of itself; nil while there is no connection.
    public var server: RedisServerInfo? {
        self.queue.server
    }

    /// Why the last attempt to connect came to nothing, or the last connection ended; nil while there is a connection, and
    /// before the first attempt.
    public var failure: RedisError? {
        self.queue.failure
    }

    /// Whether there is a connection that was ready for use; it may be suspect.
    public var isConnected: Bool {
        self.server != nil
    }

    /// Asks the server again what it is, since its role and replication id can change on a living connection.
    ///
    /// - Returns: what `server` is from now on.
    public func refreshServer() async throws(RedisError) -> RedisServerInfo {
        let sections = [try await self.send("INFO", ["server"]), try await self.send("INFO", ["replication"])]
        let server = try RedisServerInfo(replies: sections)
        self.queue.serverChanged(server)
        return server
    }

    /// Calls a handler for every new connection, on the event loop, before any command goes over it; and for the
    /// present one, if there is one.
    public func onConnection(_ handler: @escaping @Sendable (RedisServerInfo) -> Void) {
        self.eventLoop.execute {
            self.loopState.value.connectionHandlers.append(handler)
            if let server = self.server { handler(server) }
        }
    }

    /// Lets somebody speak over every new connection before anybody else may use it. When that fails the connection is
    /// given up, and another one is made. To be called before `run()`.
    ///
    /// - Parameter opening: called once a connection; what it sends has the usual time to be answered.
    public func onOpening(_ opening: @escaping @Sendable (RedisOpening) async throws -> Void) {
        self.eventLoop.execute { self.loopState.value.openings.append(opening) }
    }

    /// Returns as soon as there is a connection that is ready for use.
    ///
    /// - Throws: `unavailable` when there is none within `timeout`, or the task is cancelled.
    public func waitUntilConnected(timeout: Duration) async throws(RedisError) {
        if self.isConnected { return }
        let promise = self.eventLoop.makePromise(of: Void.self)
        let key = ObjectIdentifier(promise.futureResult)
        let timer = self.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            promise.fail(
                RedisError(
                    code: .unavailable, message: "\(self.configuration) cannot be used within \(timeout)",
                    underlying: self.failure))
        }
        self.eventLoop.execute {
            if self.isConnected {
                promise.succeed()
            } else {
                self.loopState.value.connectionWaiters[key] = promise
            }
        }
        // Whatever comes first is the outcome; a future that has its value ignores what comes later.
        promise.futureResult.whenComplete { _ in
            timer.cancel()
            self.loopState.value.connectionWaiters[key] = nil
        }
        do {
            try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(RedisError(code: .unavailable, message: "waiting for redis was cancelled"))
            }
        } catch {
            throw error as? RedisError ?? RedisError(code: .unavailable, message: "not connected", underlying: error)
        }
    }

    private func enqueue(encode: (inout ByteBuffer) -> Void) async -> Result<RedisValue, RedisError> {
        await withUnsafeContinuation { continuation in
            if self.queue.add(continuation, encode: encode) {
                self.eventLoop.execute { self.writeQueued() }
            }
        }
    }
}
