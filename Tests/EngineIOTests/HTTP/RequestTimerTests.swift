import NIOCore
import NIOEmbedded
import Testing

@testable import EngineIO

/// How long a connection lasts, on a channel without a network.
@Suite struct RequestTimerTests {
    /// A connection whose last answer has been written.
    private struct Ending {
        let channel = NIOAsyncTestingChannel()
        let sent: EventLoopPromise<Void>

        init(_ configuration: EngineConfiguration) async throws {
            try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
            let (channel, sent) = (channel, channel.eventLoop.makePromise(of: Void.self))
            self.sent = sent
            try await channel.testingEventLoop.executeInContext {
                let timer = RequestTimer(configuration)
                try channel.pipeline.syncOperations.addHandler(timer)
                timer.linger(try channel.pipeline.syncOperations.context(handler: timer), after: sent.futureResult)
            }
        }

        func advance(_ time: TimeAmount) async {
            await channel.testingEventLoop.advanceTime(by: time)
        }
    }

    @Test("a last answer that a slow peer still reads is not cut off; a second later the connection ends")
    func slowAnswer() async throws {
        let ending = try await Ending(EngineConfiguration())
        await ending.advance(.seconds(20))
        #expect(ending.channel.isActive)
        ending.sent.succeed()
        await ending.advance(.milliseconds(900))
        #expect(ending.channel.isActive)
        await ending.advance(.milliseconds(100))
        #expect(!ending.channel.isActive)
    }

    @Test("a last answer that nobody reads ends with the time of an idle connection")
    func unreadAnswer() async throws {
        var configuration = EngineConfiguration()
        configuration.idleTimeout = .seconds(30)
        let ending = try await Ending(configuration)
        await ending.advance(.seconds(29))
        #expect(ending.channel.isActive)
        await ending.advance(.seconds(1))
        #expect(!ending.channel.isActive)
        ending.sent.fail(ChannelError.alreadyClosed)
        await ending.advance(.seconds(1))
    }
}
