import EngineIO
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// A WebSocket echo server over our codec on the loopback port that `PORT` names, any free one without it. It says which
/// on standard output, and runs until it is killed.
@main
enum Main {
    static func main() async throws {
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 0
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // Every message from the shortest allowed on is compressed, so that small ones are tested too.
        let deflate = NIOLoopBoundBox.makeBoxSendingValue(
            WebSocketDeflate(WebSocketCompression(thresholdBytes: WebSocketCompression.minimumThresholdBytes)),
            eventLoop: group.next())
        let server = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let encoder = HTTPResponseEncoder()
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
                    try channel.pipeline.syncOperations.addHandlers([
                        encoder, decoder,
                        EchoHandshake(deflate: deflate.value, encoder: encoder, decoder: decoder),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        FileHandle.standardOutput.write(Data("listening on \(server.localAddress?.port ?? 0)\n".utf8))
        try await server.closeFuture.get()
    }
}
