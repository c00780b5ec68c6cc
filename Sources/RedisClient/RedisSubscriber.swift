public import Logging
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// A client that only listens: one connection of its own, for any number of channels. Any thread may call it.
///
/// It connects while `run()` runs, and comes back with all its subscriptions whenever the connection ends, or Redis is
/// silent for 8 s and does not answer a `PING` in the last three of them. Messages that are published meanwhile are
/// missed.
public final class RedisSubscriber: Sendable, Service {
    public let configuration: RedisConfiguration
    /// The event loop of the connection, which events are called on.
    public let eventLoop: any EventLoop
    private let logger: Logger
    private let subscriptions: NIOLoopBoundBox<Subscriptions?>
    private let isOpen = OpenFlag()
    private let isRunning = Atomic<Bool>(false)

    /// Outlives the subscriber in what the event loop still has to do.
    private final class OpenFlag: Sendable {
        let value = Atomic<Bool>(false)
    }

    /// - Parameters:
    ///   - configuration: where Redis is.
    ///   - eventLoop: a loop of NIOPosix, which must outlive `run()`.
    ///   - logger: for the life of the connection; messages are never logged.
    public init(configuration: RedisConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.subscriptions = .makeEmptyBox(valueType: Subscriptions.self, eventLoop: eventLoop)
        let subscriptions = self.subscriptions
        let isOpen = self.isOpen
        // First in the loop's queue, so before anything that is asked of this object.
        eventLoop.execute {
            subscriptions.value = Subscriptions(eventLoop: eventLoop) { isOpen.value.store($0, ordering: .releasing) }
        }
    }

    /// Connects and reconnects until the task is cancelled or the service group shuts down; then closes the connection.
    ///
    /// One at a time: a second call while the first runs is a programming error.
    public func run() async throws {
        precondition(!self.isRunning.exchange(true, ordering: .acquiringAndReleasing), "the subscriber runs already")
        defer { self.isRunning.store(false, ordering: .releasing) }
        await runConnections(logger: self.logger, configuration: self.configuration) { () throws(RedisError) in
            try await self.serveOneConnection()
        }
    }

    /// Whether there is a connection.
    public var isConnected: Bool {
        self.isOpen.value.load(ordering: .acquiring)
    }

    /// Subscribes, and returns when Redis has confirmed it. From then on the subscription is kept over reconnections.
    ///
    /// A second subscription to the same channel is a programming error.
    ///
    /// - Parameters:
    ///   - channel: what to listen to.
    ///   - onEvent: called on the event loop, in order; `subscribed` first, before this method returns.
    /// - Throws: `RedisError` when there was no confirmation within `connectTimeout` + `commandTimeout`, or Redis
    ///   refused it; nothing is subscribed then.
    public func subscribe(
        _ channel: RedisChannel, onEvent: @escaping @Sendable (RedisSubscriptionEvent) -> Void
    ) async throws(RedisError) {
        let timeout = TimeAmount(self.configuration.connectTimeout + self.configuration.commandTimeout)
        let result = await withUnsafeContinuation { (confirmation: Subscriptions.Confirmation) in
            self.eventLoop.execute {
                guard let subscriptions = self.subscriptions.value else {
                    confirmation.resume(returning: .failure(.notConnected))
                    return
                }
                subscriptions.add(channel, timeout: timeout, confirmation: confirmation, onEvent: onEvent)
            }
        }
        try result.get()
    }

    /// Ends a subscription; no event is called after this method has returned. Without a subscription nothing happens.
    public func unsubscribe(_ channel: RedisChannel) async {
        await onLoop(self.eventLoop) { self.subscriptions.value?.remove(channel) }
    }

    /// Drops the connection, because it seems to be deaf, and comes back with all subscriptions.
    public func reconnect() {
        self.eventLoop.execute { self.subscriptions.value?.reconnect() }
    }

    private func serveOneConnection() async throws(RedisError) -> ServedConnection {
        let (channel, connection) = try await RedisConnection.connect(self.configuration, on: self.eventLoop)
        return try await withConnection(channel, connection) { () throws(RedisError) in
            let pipeline = await connection.pipeline(self.configuration)
            try await Handshake(configuration: self.configuration, pipeline: pipeline, eventLoop: self.eventLoop)
                .introduce()
            let isOpen = await onLoop(self.eventLoop) {
                guard connection.value.isOpen else { return false }
                self.subscriptions.value?.opened(connection.value)
                return true
            }
            guard isOpen else { throw RedisError(code: .closed, message: "redis closed the connection") }
            self.logger.debug(
                "listening to redis", metadata: ["redis.address": "\(self.configuration)"])
        }
    }
}
