import EngineIO
import NIOCore
import NIOHTTP1

/// Makes the first request of a connection a WebSocket, or refuses it. Confined to its event loop.
final class EchoHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let deflate: WebSocketDeflate
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var head: HTTPRequestHead?
    private var held: [NIOAny] = []
    private var isUpgrading = false

    init(
        deflate: WebSocketDeflate, encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>
    ) {
        self.deflate = deflate
        self.encoder = encoder
        self.decoder = decoder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isUpgrading else { return self.held.append(data) }
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end: if let head = self.head { self.decide(context, head) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func decide(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        do throws(UpgradeRequest.Refusal) {
            self.upgrade(context, try UpgradeRequest.agree(head, compression: self.deflate.compression))
        } catch {
            let answer = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: error.status), headers: ["connection": "close"])
            context.write(self.wrapOutboundOut(.head(answer)), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            context.close(promise: nil)
        }
    }

    private func upgrade(_ context: ChannelHandlerContext, _ agreement: UpgradeRequest.Agreement) {
        self.isUpgrading = true
        let answer = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: agreement.headers)
        context.writeAndFlush(self.wrapOutboundOut(.head(answer)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        let socket = EchoSocket(deflate: agreement.deflate.map { (self.deflate, $0.windowBits) })
        pipeline.removeHandler(self.decoder).assumeIsolated()
            .flatMap { pipeline.removeHandler(self.encoder) }
            .flatMapThrowing {
                try pipeline.addHandler(socket, position: .after(self))
                for data in self.held {
                    context.fireChannelRead(data)
                }
                self.held = []
                pipeline.removeHandler(context: context, promise: nil)
            }
            .whenFailure { _ in context.close(promise: nil) }
    }
}
