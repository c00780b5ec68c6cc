public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOPosix

/// One accepted connection of the public listener: pages and session requests are Hummingbird's, a request to open
/// a socket takes the connection out of it for good.
public struct EngineChannel: HTTPChannelHandler {
    public struct Value: ServerChildChannelValue {
        let http: EventLoopFuture<NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>?>
        public let channel: any Channel
    }

    public let responder: HTTPChannelHandler.Responder
    let server: EngineServer

    public init(server: EngineServer, responder: @escaping HTTPChannelHandler.Responder) {
        self.server = server
        self.responder = responder
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            guard let loop = server.shard(of: channel.eventLoop)?.local.value else {
                throw ChannelError.inappropriateOperationForState
            }
            if let options = channel.syncOptions {
                try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
                try options.setOption(.recvAllocator, value: ReceiveBuffers())
                // One buffer is kept for each.
                try options.setOption(.maxMessagesPerRead, value: 1)
                let high = server.configuration.maximumQueuedBytes
                try options.setOption(
                    .writeBufferWaterMark, value: .init(low: min(65_536, max(1, high / 2)), high: high))
            }
            let counters = loop.counters
            counters.channels.add(1)
            channel.closeFuture.whenComplete { _ in counters.channels.add(-1) }
            let pipeline = channel.pipeline.syncOperations
            if let tls = server.configuration.tls {
                try pipeline.addHandlers([
                    tls.makeServerHandler(),
                    TLSHandshake(server.configuration, counters: counters, logger: logger),
                ])
            }
            let encoder = HTTPResponseEncoder()
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldCount = server.configuration.maximumHeaders
            limits.maxHeaderListSize = server.configuration.maximumHeadBytes
            limits.maxHeaderFieldSize = server.configuration.maximumHeadBytes
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
            let timer = RequestTimer(loop.configuration)
            let http = channel.eventLoop.makePromise(of: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>?.self)
            let gate = EngineGate(
                loop: loop, server: server, timer: timer, encoder: encoder, decoder: decoder, http: http)
            try pipeline.addHandlers([timer, encoder, decoder, gate])
            return Value(http: http.futureResult, channel: channel)
        }
    }

    public func handle(value: Value, logger: Logger) async {
        do {
            // Whoever stops the server without quiescing it waits for nobody.
            let http = try await withTaskCancellationHandler {
                try await value.http.get()
            } onCancel: {
                value.channel.close(promise: nil)
            }
            if let channel = http {
                await handleHTTP(asyncChannel: channel, logger: logger)
            }
        } catch {
            logger.debug("connection failed before its first request", metadata: ["error": "\(error)"])
        }
    }
}
