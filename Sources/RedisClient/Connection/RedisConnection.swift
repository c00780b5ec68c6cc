import NIOCore
import NIOPosix
import NIOSSL

/// What a connection's replies are given to. Called on the connection's event loop.
protocol ReplyConsumer: AnyObject {
    func replyReceived(_ reply: RedisValue)
    /// All replies that have arrived so far were given.
    func readCompleted()
    /// No reply comes any more; called once.
    func connectionClosed(_ reason: RedisError)
}

/// One connection to Redis: bytes out, replies in. Confined to its event loop.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var reader: ReplyReader
    private var consumer: (any ReplyConsumer)?
    private var context: ChannelHandlerContext?
    /// Why the connection ended or is about to: the first reason counts, what follows is its consequence.
    private(set) var failure: RedisError?

    init(maximumReplyBytes: Int) {
        self.reader = ReplyReader(maximumReplyBytes: maximumReplyBytes)
    }

    /// Connects, without sending anything yet; with TLS the server's certificate was verified before this returns.
    ///
    /// - Throws: `unavailable` when there is no connection within `connectTimeout`, `invalidConfiguration` when the files
    ///   for TLS cannot be used.
    static func connect(
        _ configuration: RedisConfiguration, on eventLoop: any EventLoop
    ) async throws(RedisError) -> (any Channel, NIOLoopBound<RedisConnection>) {
        let maximumReplyBytes = configuration.maximumReplyBytes
        let encryption = try configuration.tls?.encryption(of: configuration, on: eventLoop)
        // Not looked for in the pipeline: the connection may have ended before, and knows why.
        let made = eventLoop.makePromise(of: NIOLoopBound<RedisConnection>.self)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try encryption?.begin(on: channel)
                    let connection = RedisConnection(maximumReplyBytes: maximumReplyBytes)
                    try channel.pipeline.syncOperations.addHandler(connection)
                    made.succeed(NIOLoopBound(connection, eventLoop: channel.eventLoop))
                }
            }
        do {
            let channel = try await bootstrap.connect(host: configuration.host, port: configuration.port).get()
            try await encryption?.established(on: channel)
            return (channel, try await made.futureResult.get())
        } catch {
            made.fail(error)
            encryption?.abandon()
            if let error = error as? RedisError { throw error }
            let message = "no connection to \(configuration.host):\(configuration.port)"
            if let reason = ConnectFailure.reason(error) {
                throw RedisError(code: .unavailable, message: "\(message): \(reason)")
            }
            throw RedisError(code: .unavailable, message: message, underlying: error)
        }
    }

    /// Whether replies may still come.
    var isOpen: Bool {
        self.failure == nil && self.context != nil
    }

    /// From now on replies go to `consumer`; nil for nobody.
    func give(repliesTo consumer: (any ReplyConsumer)?) {
        self.consumer = consumer
    }

    /// Writes and flushes at once.
    func write(_ bytes: ByteBuffer) {
        guard let context = self.context else { return }
        // NIO closes the channel when a write fails: `ended()` is how its commands hear of it.
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    func close(_ reason: RedisError) {
        if self.failure == nil { self.failure = reason }
        self.context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        do throws(RedisError) {
            while self.failure == nil, let reply = try self.reader.next(&bytes) {
                self.consumer?.replyReceived(reply)
            }
        } catch {
            self.close(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.consumer?.readCompleted()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Redis went away without the goodbye of TLS: what follows is the end of the connection, as without TLS.
        if error as? NIOSSLError == .uncleanShutdown { return }
        if let finding = RedisTLS.finding(in: error) {
            return self.close(RedisError(code: .closed, message: finding))
        }
        self.close(RedisError(code: .closed, message: "the connection to redis failed", underlying: error))
    }

    private func ended() {
        self.context = nil
        let reason = self.failure ?? RedisError(code: .closed, message: "redis closed the connection")
        self.failure = reason
        let consumer = self.consumer
        self.consumer = nil
        consumer?.connectionClosed(reason)
    }
}
