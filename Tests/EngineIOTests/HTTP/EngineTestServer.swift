import Hummingbird
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import EngineIO
@testable import HummingbirdEngine

/// An engine behind Hummingbird on a free port, with one page beside it.
enum EngineTestServer {
    static func run(
        _ application: EchoApplication, _ configuration: EngineConfiguration = EngineConfiguration(),
        threads: Int = 1, onChannel: @escaping @Sendable (any Channel) -> Void = { _ in },
        _ body: (_ port: Int, _ engine: EngineServer) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let engine = EngineServer(
            configuration: configuration, eventLoops: Array(group.makeIterator()), application: application)
        try await engine.start()
        let router = Router()
        router.get("page") { _, _ in "a page" }
        router.post("page") { request, _ in
            var request = request
            return String(buffer: try await request.collectBody(upTo: 1_024))
        }
        let port = group.next().makePromise(of: Int.self)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let server = EngineListener(
            engine: engine, router: router, host: "127.0.0.1", port: 0, logger: logger,
            onListening: { port.succeed($0.port ?? 0) }, onAccept: onChannel)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await server.run() }
            tasks.addTask { await engine.run() }
            do {
                try await body(try await port.futureResult.get(), engine)
            } catch {
                engine.stop()
                tasks.cancelAll()
                throw error
            }
            engine.stop()
            tasks.cancelAll()
        }
        try await group.shutdownGracefully()
    }
}

/// A TCP connection that says what it likes, and keeps what it hears.
final class RawPeer: Sendable {
    private struct Heard {
        var bytes: [UInt8] = []
        var isClosed = false
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: RawPeer

        init(_ peer: RawPeer) {
            self.peer = peer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            peer.heard.withLock { $0.bytes += buffer.readableBytesView }
        }

        func channelInactive(context: ChannelHandlerContext) {
            peer.heard.withLock { $0.isClosed = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    private let heard = Mutex(Heard())
    private let channelBox = Mutex<(any Channel)?>(nil)

    static let upgrade =
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// How peers that are made meanwhile speak TLS, as a client of `localhost`; nil: they do not.
    @TaskLocal static var tls: TLSConfiguration?

    static func connect(_ port: Int, reading: Bool = true) async throws -> RawPeer {
        let peer = RawPeer()
        let tls = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reading)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(Listener(peer))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        peer.channelBox.withLock { $0 = channel }
        return peer
    }

    /// Ends the TCP connection under TLS, which says no goodbye.
    func reset() async throws {
        guard let channel else { return }
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self).close(promise: nil)
        }.get()
    }

    /// Whether what comes is read.
    func setReading(_ isReading: Bool) async throws {
        try await channel?.setOption(.autoRead, value: isReading).get()
    }

    private var channel: (any Channel)? { channelBox.withLock { $0 } }

    var localPort: Int? { channel?.localAddress?.port }

    func send(_ bytes: [UInt8]) async throws {
        try await channel?.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    func closeHalf() async throws { try await channel?.close(mode: .output) }

    func close() async throws { try await channel?.close() }

    var bytes: [UInt8] { heard.withLock { $0.bytes } }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var isClosed: Bool { heard.withLock { $0.isClosed } }
    /// The status lines that came.
    var statuses: [Int] {
        text.split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }
}
