import NIOCore
import NIOEmbedded

@testable import EngineIO

/// A WebSocket on a channel without a network, whose time stands still until it is advanced.
struct TransportHarness {
    let channel = NIOAsyncTestingChannel()

    init(_ application: EchoApplication, _ configuration: EngineConfiguration = EngineConfiguration()) async throws {
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        let (channel, counters) = (channel, EngineCounters())
        try await channel.testingEventLoop.executeInContext {
            let loop = EngineLoop(
                eventLoop: channel.eventLoop, configuration: configuration, counters: counters,
                handshakes: HandshakeBudget(configuration),
                jobs: JobQueue())
            loop.start(application)
            try channel.pipeline.syncOperations.addHandlers([
                HalfClosure(), WebSocketTransport(loop: loop, context: ()),
            ])
        }
        await run()
    }

    var isOpen: Bool { channel.isActive }

    func run() async {
        await channel.testingEventLoop.run()
    }

    func advance(_ time: TimeAmount) async {
        await channel.testingEventLoop.advanceTime(by: time)
    }

    func receive(_ bytes: [UInt8]) async throws {
        _ = try await channel.writeInbound(ByteBuffer(bytes: bytes))
        await run()
    }

    func receive(_ frames: [TestFrame]) async throws {
        try await receive(frames.wire)
    }

    /// All that left since the last time.
    func sent() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try await channel.readOutbound(as: ByteBuffer.self) {
            bytes += buffer.readableBytesView
        }
        return bytes
    }

    /// Told from below the transport, as by the network.
    func fire(_ event: any Sendable) async throws {
        let channel = channel
        try await channel.testingEventLoop.executeInContext { channel.pipeline.fireUserInboundEventTriggered(event) }
        await run()
    }

    func fireInactive() async throws {
        let channel = channel
        try await channel.testingEventLoop.executeInContext { channel.pipeline.fireChannelInactive() }
    }

    func setWritable(_ isWritable: Bool) async throws {
        let channel = channel
        try await channel.testingEventLoop.executeInContext {
            channel.isWritable = isWritable
            channel.pipeline.fireChannelWritabilityChanged()
        }
        await run()
    }
}

/// Keeps the channel open when only its output is closed, as a socket does.
private final class HalfClosure: ChannelOutboundHandler {
    typealias OutboundIn = Never

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            promise?.succeed()
        } else {
            context.close(mode: mode, promise: promise)
        }
    }
}

/// A frame of the server's: never masked.
func serverFrame(_ frame: TestFrame) -> [UInt8] { frame.unmasked.wire }
