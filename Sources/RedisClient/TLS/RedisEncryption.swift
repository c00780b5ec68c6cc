import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// The TLS of one connection that is being made.
struct RedisEncryption: Sendable {
    private let context: NIOSSLContext
    /// The name that the certificate must be for; nil where the URL has an address, which it must be for then.
    private let name: String?
    private let timeout: Duration
    private let begin = ContinuousClock.now
    private let finished: EventLoopPromise<Void>

    fileprivate init(
        context: NIOSSLContext, name: String?, timeout: Duration, finished: EventLoopPromise<Void>
    ) {
        self.context = context
        self.name = name
        self.timeout = timeout
        self.finished = finished
    }

    /// Puts TLS at the head of a connection's pipeline. On its event loop.
    func begin(on channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: self.context, serverHostname: self.name),
            Handshake(name: self.name, finished: self.finished),
        ])
    }

    /// Waits until the handshake is over and the server's certificate was found to be good; closes the channel otherwise.
    ///
    /// - Throws: `unavailable`, saying what was wrong.
    func established(on channel: any Channel) async throws(RedisError) {
        let finished = self.finished
        let timeout = self.timeout
        let left = max(.zero, timeout - (ContinuousClock.now - self.begin))
        let timer = channel.eventLoop.scheduleTask(in: TimeAmount(left)) {
            finished.fail(
                RedisError(
                    code: .unavailable,
                    message: "no TLS handshake within \(timeout); is there TLS at this port? (tls-port of redis)"))
        }
        defer { timer.cancel() }
        do {
            try await finished.futureResult.get()
        } catch {
            channel.close(promise: nil)
            if let error = error as? RedisError { throw error }
            // What it means is enough; what BoringSSL calls it is noise beside that.
            if let finding = RedisTLS.finding(in: error) { throw RedisError(code: .unavailable, message: finding) }
            throw RedisError(code: .unavailable, message: "no TLS with redis", underlying: error)
        }
    }

    /// There is no connection.
    func abandon() {
        self.finished.fail(RedisError.notConnected)
    }

    /// Hears how the handshake ended. Confined to its event loop.
    private final class Handshake: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let name: String?
        private let finished: EventLoopPromise<Void>

        init(name: String?, finished: EventLoopPromise<Void>) {
            self.name = name
            self.finished = finished
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted? = event as? TLSUserEvent { self.completed(context) }
            context.fireUserInboundEventTriggered(event)
        }

        private func completed(_ context: ChannelHandlerContext) {
            guard let name = self.name else { return self.finished.succeed() }
            do {
                let tls = try context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                guard tls.peerCertificate?.isFor(name) == true else { throw NIOSSLExtraError.failedToValidateHostname }
                self.finished.succeed()
            } catch {
                self.finished.fail(error)
            }
        }

        // A promise keeps what it is told first.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.finished.fail(error)
            context.fireErrorCaught(error)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.finished.fail(ChannelError.eof)
            context.fireChannelInactive()
        }
    }
}

extension RedisTLS {
    /// Reads the files, for one connection.
    ///
    /// - Throws: `invalidConfiguration` when one cannot be used.
    func encryption(
        of configuration: RedisConfiguration, on eventLoop: any EventLoop
    ) throws(RedisError) -> RedisEncryption {
        let context: NIOSSLContext
        do {
            context = try self.context()
        } catch {
            throw RedisError(code: .invalidConfiguration, message: "TLS with redis: \(error.message)")
        }
        let isAddress = (try? SocketAddress(ipAddress: configuration.host, port: 0)) != nil
        return RedisEncryption(
            context: context, name: isAddress ? nil : configuration.host, timeout: configuration.connectTimeout,
            finished: eventLoop.makePromise())
    }
}
