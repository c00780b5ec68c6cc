import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import JSONWebTokens

/// An identity provider on a free port of this machine, as far as its keys go.
final class Provider: Sendable {
    enum Answer: Sendable {
        case text(String)
        case status(Int)
        /// To a path that has more keys.
        case redirect
        /// More than a mebibyte of what would be keys.
        case tooLarge
        /// A beginning, and then nothing.
        case drip
    }

    private struct State {
        var answer = Answer.status(404)
        var delay = Duration.zero
        var elsewhere = ""
        var requests = 0
        var port = 0
    }

    private let state = Mutex(State())
    private let group: MultiThreadedEventLoopGroup

    private init(group: MultiThreadedEventLoopGroup) {
        self.group = group
    }

    /// How often somebody has asked for the keys.
    var requests: Int { state.withLock { $0.requests } }

    func publish(_ keys: String, after delay: Duration = .zero) {
        state.withLock {
            $0.answer = .text(keys)
            $0.delay = delay
        }
    }

    func answer(_ answer: Answer) {
        state.withLock { $0.answer = answer }
    }

    func elsewhere(_ keys: String) {
        state.withLock { $0.elsewhere = keys }
    }

    func source() -> KeyEndpoint {
        KeyEndpoint(
            url: "http://127.0.0.1:\(state.withLock { $0.port })/keys", eventLoopGroup: group,
            times: ProviderKeysTests.times)
    }

    static func run(_ body: (Provider) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let provider = Provider(group: group)
        let router = Router()
        router.get("keys") { _, _ in try await provider.respond() }
        router.get("elsewhere") { _, _ in provider.state.withLock { $0.elsewhere } }
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let port = group.next().makePromise(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.succeed($0.localAddress?.port ?? 0) }, eventLoopGroupProvider: .shared(group),
            logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { try? await application.run() }
            let bound = try await port.futureResult.get()
            provider.state.withLock { $0.port = bound }
            try await body(provider)
        }
        try await group.shutdownGracefully()
    }

    private func respond() async throws -> Response {
        let (answer, delay, port) = state.withLock { state in
            state.requests += 1
            return (state.answer, state.delay, state.port)
        }
        if delay > .zero { try await Task.sleep(for: delay) }
        switch answer {
        case .text(let text): return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: text)))
        case .status(let code): return Response(status: .init(code: code))
        case .redirect:
            return Response(status: .found, headers: [.location: "http://127.0.0.1:\(port)/elsewhere"])
        case .tooLarge:
            let spaces = ByteBuffer(repeating: UInt8(ascii: " "), count: 1_048_577)
            return Response(status: .ok, body: .init(byteBuffer: spaces))
        case .drip:
            return Response(
                status: .ok,
                body: .init { writer in
                    try await writer.write(ByteBuffer(string: #"{"keys":"#))
                    try await Task.sleep(for: .seconds(60))
                    try await writer.finish(nil)
                })
        }
    }
}
