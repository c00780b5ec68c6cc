import NIOCore
import NIOHTTP1

/// Sends the requests of an `HTTPRequester` and collects the answers. Confined to its event loop.
final class HTTPExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let requester: HTTPRequester
    /// The request that the connection was opened for, until there is a connection.
    private var first: HTTPRequester.Request?
    private var context: ChannelHandlerContext?
    private var maximumBodyBytes: Int
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()
    private var isAwaitingAnswer = true

    init(requester: HTTPRequester, first: HTTPRequester.Request) {
        self.requester = requester
        self.first = first
        self.maximumBodyBytes = first.maximumBodyBytes
    }

    func send(_ request: HTTPRequester.Request) {
        guard let context = self.context, context.channel.isActive else {
            self.first = request
            return
        }
        self.isAwaitingAnswer = true
        self.maximumBodyBytes = request.maximumBodyBytes
        let head = HTTPRequestHead(
            version: .http1_1, method: request.method, uri: request.uri, headers: request.headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if let body = request.body { context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let first = self.first.take()
        if let first { self.send(first) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(var part):
            guard self.body.readableBytes + part.readableBytes <= self.maximumBodyBytes else {
                return self.fail(
                    context, .init(.protocolViolation, "an HTTP answer over \(self.maximumBodyBytes) bytes"))
            }
            if self.body.readableBytes == 0 { self.body = part } else { self.body.writeBuffer(&part) }
        case .end:
            guard let head = self.head.take(), self.isAwaitingAnswer else { return }
            self.isAwaitingAnswer = false
            let response = HTTPRequester.Response(
                status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) }, body: self.body)
            self.body = ByteBuffer()
            if !head.isKeepAlive {
                self.requester.ended(self)
                context.close(promise: nil)
            }
            self.requester.complete(.success(response))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.requester.ended(self)
        if self.isAwaitingAnswer {
            self.isAwaitingAnswer = false
            self.requester.complete(
                .failure(.init(.connectionFailed, "the server closed without an answer")))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(context, .init(.connectionFailed, "the HTTP request failed", underlying: error))
    }

    private func fail(_ context: ChannelHandlerContext, _ error: SocketIOClientError) {
        self.requester.ended(self)
        let wasAwaiting = self.isAwaitingAnswer
        self.isAwaitingAnswer = false
        context.close(promise: nil)
        if wasAwaiting { self.requester.complete(.failure(error)) }
    }
}
