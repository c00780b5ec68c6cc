import EngineIO
import NIOCore
import NIOHTTP1

/// Asks for the WebSocket, and gives way to `WebSocketClientHandler` when it got it. Confined to its event loop.
final class SocketIOUpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private static let maximumBodyBytes = 64 << 10

    private let connection: SocketIOConnection
    private let authority: String
    private let key: String
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    init(connection: SocketIOConnection, authority: String) {
        self.connection = connection
        self.authority = authority
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
        let configuration = self.connection.configuration
        var headers = HTTPHeaders(configuration.headers)
        let own = [
            ("Host", self.authority), ("Connection", "Upgrade"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", self.key),
        ]
        for (name, value) in own where !headers.contains(name: name) {
            headers.add(name: name, value: value)
        }
        let separator = configuration.path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        let uri = configuration.path + separator + "EIO=4&transport=websocket"
        let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: headers)
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
            self.connection.fail(.init(.connectionFailed, "the server closed without an answer"))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.connection.fail(.init(.connectionFailed, "the upgrade failed", underlying: error))
    }

    private func upgraded(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        let key =
            self.connection.configuration.headers.first { $0.0.lowercased() == "sec-websocket-key" }?.1 ?? self.key
        guard head.headers["sec-websocket-accept"] == [WebSocketAccept.value(forKey: key)],
            head.headers["upgrade"].first?.lowercased() == "websocket"
        else {
            return self.connection.fail(.init(.protocolViolation, "the 101 has no valid Sec-WebSocket-Accept"))
        }
        let handler = WebSocketClientHandler(connection: self.connection)
        self.connection.upgraded(handler, headers: head.headers.map { ($0.name, $0.value) })
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(handler, position: .after(self))
            // The decoder goes last: what it read beyond the head then reaches the new handler.
            for name in [nil, "http-encoder", "http-decoder"] {
                let context = try name.map { try pipeline.context(name: $0) } ?? context
                pipeline.removeHandler(context: context, promise: nil)
            }
        } catch {
            self.connection.fail(.init(.connectionFailed, "the upgrade failed", underlying: error))
        }
    }

    private func refused(_ head: HTTPResponseHead) {
        let refusal = SocketIOClientError.Refusal(
            status: Int(head.status.code), headers: head.headers.map { ($0.name, $0.value) },
            body: String(buffer: self.body))
        self.connection.fail(
            .init(.refused, "the server answered the upgrade with \(refusal.status): \(refusal.body)", refusal: refusal)
        )
    }
}
