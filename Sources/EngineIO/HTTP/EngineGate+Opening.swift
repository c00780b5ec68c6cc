import NIOCore
import NIOHTTP1

/// The first bytes of a connection, and what becomes of it when they are all that HTTP has to say on it.
extension EngineGate {
    /// Takes what the peer has sent by now, without waiting for the event loop to tell of it.
    ///
    /// - Returns: Whether there was anything.
    func openedAtOnce(_ context: ChannelHandlerContext) -> Bool {
        var bytes = context.channel.allocator.buffer(capacity: 0)
        receive(context, &bytes)
        guard bytes.readableBytes > 0 else { return false }
        if opened(context, bytes) {
            // Hummingbird's channel hands its application what came when a read is complete.
            context.pipeline.fireChannelReadComplete()
        }
        return true
    }

    /// Appends what the peer has sent, past the channel, which reads the first bytes of a connection in small pieces.
    private func receive(_ context: ChannelHandlerContext, _ bytes: inout ByteBuffer) {
        guard descriptor >= 0, context.channel.isActive else { return }
        let space = loop.receiveSpace
        let count = KernelSocket.receive(into: space, from: descriptor)
        bytes.writeBytes(UnsafeRawBufferPointer(rebasing: space[..<count]))
    }

    func unwrapBytes(_ data: NIOAny) -> ByteBuffer { WebSocketTransport.unwrapInboundIn(data) }

    /// Takes the request that opens a WebSocket by itself; everything else is HTTP's.
    ///
    /// - Returns: Whether HTTP was told.
    @discardableResult
    func opened(_ context: ChannelHandlerContext, _ first: ByteBuffer) -> Bool {
        let configuration = loop.configuration
        var bytes = first
        if bytes.readableBytes <= ReceiveBuffers.firstBytes { receive(context, &bytes) }
        if let head = OpeningRequest.head(
            bytes, path: configuration.path, maximumHeaders: configuration.maximumHeaders,
            maximumBytes: configuration.maximumHeadBytes), EngineRequest.isOurs(head, path: configuration.path)
        {
            take(.head(head), context)
            take(.end(nil), context)
            return false
        }
        beginHTTP(context)
        guard let timer = http?.timer else { return false }
        do {
            timer.channelRead(
                context: try context.pipeline.syncOperations.context(handler: timer), data: NIOAny(bytes))
        } catch {
            context.close(promise: nil)
        }
        return true
    }

    /// RFC 9110, 6.4.1: an answer of 1xx has no content, and says nothing of its length.
    private static func isFraming(_ name: String) -> Bool {
        switch name.utf8.count {
        case 14: name.lowercased() == "content-length"
        case 17: name.lowercased() == "transfer-encoding"
        default: false
        }
    }

    /// Says 101 and nothing else: the answer to a request that no HTTP handler has seen.
    static func switching(_ headers: HTTPHeaders, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: 512)
        bytes.writeString("HTTP/1.1 101 Switching Protocols\r\n")
        for (name, value) in headers where !isFraming(name) {
            bytes.writeString(name)
            bytes.writeString(": ")
            bytes.writeString(value)
            bytes.writeString("\r\n")
        }
        bytes.writeString("\r\n")
        return bytes
    }
}
