import EngineIO
import NIOCore
import NIOHTTP1

/// Asks for the WebSocket, and gives way to `WebSocketClientHandler` when it got it. Confined to its event loop.
final class SocketIOUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Of a refusal.
    static let maximumBodyBytes = 64 << 10

    private let owner: any WebSocketClientOwner
    private let request: WebSocketRequest
    private var key: String
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    init(owner: any WebSocketClientOwner, request: WebSocketRequest) {
        self.owner = owner
        self.request = request
        self.key = WebSocketAccept.base64((0..<16).map { _ in UInt8.random(in: 0...255) })
    }

    static func addHandlers(to pipeline: ChannelPipeline.SynchronousOperations, _ handler: SocketIOUpgradeHandler)
        throws
    {
        try pipeline.addHandler(HTTPRequestEncoder(), name: "http-encoder")
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)
        try pipeline.addHandler(ByteToMessageHandler(decoder), name: "http-decoder")
        try pipeline.addHandler(handler)
    }

    func channelActive(context: ChannelHandlerContext) {
        let own = [
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", self.key),
        ]
        let headers = self.request.endpoint.headers(own: own, cookie: self.request.cookie)
        self.key = headers["Sec-WebSocket-Key"].first ?? self.key
        let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: self.request.uri, headers: headers)
        context.write(self.wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(let part):
            let room = Self.maximumBodyBytes - self.body.readableBytes
            if room > 0 { self.body.writeBytes(part.readableBytesView.prefix(room)) }
        case .end:
            guard let head = self.head else { return }
            if head.status == .switchingProtocols {
                self.upgraded(head, context)
            } else {
                self.refused(head)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let head = self.head {
            self.refused(head)
        } else {
            self.owner.fail(.init(.connectionFailed, "the server closed without an answer"))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.owner.fail(.init(.connectionFailed, "the upgrade failed", underlying: error))
    }

    private func upgraded(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        guard head.headers["sec-websocket-accept"] == [WebSocketAccept.value(forKey: self.key)],
            head.headers["upgrade"].first?.lowercased() == "websocket"
        else {
            return self.owner.fail(.init(.protocolViolation, "the 101 has no valid Sec-WebSocket-Accept"))
        }
        let handler = WebSocketClientHandler(
            owner: self.owner, maximumMessageBytes: self.request.maximumMessageBytes)
        self.owner.upgraded(handler, headers: head.headers.map { ($0.name, $0.value) })
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(handler, position: .after(self))
            // The decoder goes last: what it read beyond the head then reaches the new handler.
            for name in [nil, "http-encoder", "http-decoder"] {
                let context = try name.map { try pipeline.context(name: $0) } ?? context
                pipeline.removeHandler(context: context, promise: nil)
            }
        } catch {
            self.owner.fail(.init(.connectionFailed, "the upgrade failed", underlying: error))
        }
    }

    private func refused(_ head: HTTPResponseHead) {
        let refusal = SocketIOClientError.Refusal(
            status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) },
            body: String(buffer: self.body))
        self.owner.fail(
            .init(.refused, "the server answered the upgrade with \(refusal.status): \(refusal.body)", refusal: refusal)
        )
    }
}
