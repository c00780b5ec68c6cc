import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport

@testable import RedisClient

/// Runs a service beside the body, and cancels it afterwards.
func running<R: Sendable>(_ services: any Service..., body: () async throws -> R) async throws -> R {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services { group.addTask { try await service.run() } }
        let result: R
        do {
            result = try await body()
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

func makeClient(
    _ url: String, logger: Logger = quietLogger, configure: (inout RedisConfiguration) -> Void = { _ in }
) throws -> RedisClient {
    var configuration = try RedisConfiguration(url: url)
    // Seven test processes on one machine: a busy machine is not a slow Redis.
    configuration.commandTimeout = .seconds(5)
    configure(&configuration)
    return RedisClient(
        configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
}

func makeSubscriber(
    _ url: String, configure: (inout RedisConfiguration) -> Void = { _ in }
) throws -> RedisSubscriber {
    var configuration = try RedisConfiguration(url: url)
    configuration.commandTimeout = .seconds(5)
    configure(&configuration)
    return RedisSubscriber(
        configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: quietLogger)
}

/// Runs a client until the body is done; the body starts when it is connected.
func withClient<R: Sendable>(
    _ url: String, configure: (inout RedisConfiguration) -> Void = { _ in },
    body: (RedisClient) async throws -> R
) async throws -> R {
    let client = try makeClient(url, configure: configure)
    return try await running(client) {
        try await client.waitUntilConnected(timeout: .seconds(10))
        return try await body(client)
    }
}

/// The error that the operation ends with; nil when it succeeds.
func error(of operation: () async throws(RedisError) -> some Any) async -> RedisError? {
    do throws(RedisError) {
        _ = try await operation()
        return nil
    } catch {
        return error
    }
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What happened, in order, written from any thread.
final class Recorder<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func append(_ element: Element) {
        self.elements.withLock { $0.append(element) }
    }

    var all: [Element] {
        self.elements.withLock { $0 }
    }
}

/// A TCP server that answers what a test tells it to, byte for byte.
final class ScriptedServer: Sendable {
    private let channel: any Channel
    let received = Recorder<String>()

    /// - Parameter answer: given each command's first word, in upper case; nil for no answer at all. `PING` and `INFO`
    ///   are answered as Redis does when it returns an empty array. The chunks are flushed one by one.
    init(answer: @escaping @Sendable (String) -> [String]?) async throws {
        let received = self.received
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Script(received: received, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var url: String { "redis://127.0.0.1:\(self.channel.localAddress?.port ?? 0)" }

    func close() async throws {
        try await self.channel.close()
    }

    private final class Script: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let received: Recorder<String>
        private let answer: @Sendable (String) -> [String]?
        private var parser = ReplyReader(maximumReplyBytes: 1 << 20)

        init(received: Recorder<String>, answer: @escaping @Sendable (String) -> [String]?) {
            self.received = received
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = self.unwrapInboundIn(data)
            do {
                // A command is an array of byte strings, and so a reply, too.
                while let command = try self.parser.next(&bytes) {
                    guard let words = command.array?.compactMap(\.string), let word = words.first else { continue }
                    self.received.append(words.joined(separator: " "))
                    guard let chunks = self.answer(word.uppercased()) else { continue }
                    for chunk in chunks.isEmpty ? Self.usual(words) : chunks {
                        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: chunk)), promise: nil)
                    }
                }
            } catch {
                context.fireErrorCaught(error)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private static func usual(_ words: [String]) -> [String] {
            guard words[0] == "INFO" else { return ["+PONG\r\n"] }
            let text =
                words.last == "server"
                ? "# Server\r\nredis_version:7.0.15\r\n" : "# Replication\r\nrole:master\r\nmaster_replid:abc\r\n"
            return ["$\(text.utf8.count)\r\n\(text)\r\n"]
        }
    }
}

/// The handshake as Redis does it, and something else for every other command.
func afterHandshake(_ answer: @escaping @Sendable (String) -> [String]?) -> @Sendable (String) -> [String]? {
    { $0 == "PING" || $0 == "INFO" ? [] : answer($0) }
}
