#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif
public import EngineIO
import HTTPTypes
public import Hummingbird
import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle
import UnixSignals

/// The port on which clients come: a request to open a socket is the engine's, every other is answered by a router of
/// Hummingbird's.
///
/// Each event loop of the engine accepts connections of its own, and keeps them: none passes from one thread to another.
/// The kernel spreads them (`SO_REUSEPORT`; on systems other than Linux one event loop may get them all).
///
/// The engine must have been started before. On graceful shutdown nothing is accepted any more, every connection is told
/// to end, and ``run()`` returns when all have.
public struct EngineListener: Service {
    private let engine: EngineServer
    private let host: String
    private let port: Int
    private let backlog: Int
    private let mayAccept: @Sendable () -> Bool
    private let onListening: @Sendable (SocketAddress) async -> Void
    private let logger: Logger
    private let onAccept: @Sendable (any Channel) -> Void
    private let http: HTTP1Channel

    /// - Parameters:
    ///   - router: answers what is not the engine's.
    ///   - host: a name or an address of this machine; its first address counts.
    ///   - port: 0 takes any that is free.
    ///   - backlog: connections that the system keeps for each event loop until they are accepted. Default 4,096.
    ///   - mayAccept: whether more connections are to be accepted now, asked for a few at a time; those that come
    ///     meanwhile wait in the system's queue. Default always.
    ///   - onListening: called once, with where clients may come.
    public init<Builder: HTTPResponderBuilder>(
        engine: EngineServer, router: Builder, host: String, port: Int, backlog: Int = 4_096,
        mayAccept: @escaping @Sendable () -> Bool = { true }, logger: Logger,
        onListening: @escaping @Sendable (SocketAddress) async -> Void = { _ in }
    ) where Builder.Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        self.init(
            engine: engine, router: router, host: host, port: port, backlog: backlog, mayAccept: mayAccept,
            logger: logger, onListening: onListening, onAccept: { _ in })
    }

    /// - Parameter onAccept: called with each connection, on its event loop.
    init<Builder: HTTPResponderBuilder>(
        engine: EngineServer, router: Builder, host: String, port: Int, backlog: Int = 4_096,
        mayAccept: @escaping @Sendable () -> Bool = { true }, logger: Logger,
        onListening: @escaping @Sendable (SocketAddress) async -> Void = { _ in },
        onAccept: @escaping @Sendable (any Channel) -> Void
    ) where Builder.Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        self.engine = engine
        self.host = host
        self.port = port
        self.backlog = backlog
        self.mayAccept = mayAccept
        self.logger = logger
        self.onListening = onListening
        self.onAccept = onAccept
        self.http = HTTP1Channel(responder: Self.responder(router.buildResponder(), logger))
    }

    /// How many connections may be accepted after `mayAccept` has said no: each event loop asks for a few at a time, and
    /// may have been told yes before.
    public static func acceptedAtATime(by engine: EngineServer) -> Int {
        engine.shards.count * connectionsPerRead(engine)
    }

    private static func connectionsPerRead(_ engine: EngineServer) -> Int { max(1, 16 / engine.shards.count) }

    /// Listens until the task is cancelled, which ends every connection at once, or a graceful shutdown.
    ///
    /// - Throws: `IOError` when the address is in use, or not of this machine; or when the system takes the listening
    ///   socket away.
    public func run() async throws {
        let (events, event) = AsyncStream.makeStream(of: Event.self)
        let entrances = engine.shards.map {
            Entrance(
                $0, engine: engine, logger: logger,
                serve: { if case .enqueued = event.yield(.begun($0)) { true } else { false } },
                onLost: { event.yield(.lost) }, onAccept: onAccept)
        }
        do {
            let address = try await listen(entrances)
            logger.info("listening", metadata: ["address": "\(address)"])
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    await onListening(address)
                    try await serve(events, entrances) { event.finish() }
                } onGracefulShutdown: {
                    for entrance in entrances { entrance.quiesce() }
                }
            } onCancel: {
                for entrance in entrances { entrance.close() }
            }
        } catch {
            for entrance in entrances { entrance.close() }
            for entrance in entrances { await entrance.closed() }
            throw error
        }
    }

    private enum Event: Sendable {
        case begun(HTTPConversation)
        /// One of the listening sockets is gone.
        case lost
    }

    /// Answers requests until every connection has ended.
    private func serve(
        _ events: AsyncStream<Event>, _ entrances: [Entrance], onEnd: @escaping @Sendable () -> Void
    ) async throws {
        let isLost = await withDiscardingTaskGroup { group in
            var isLost = false
            group.addTask {
                for entrance in entrances { await entrance.closed() }
                onEnd()
            }
            for await event in events {
                switch event {
                case .begun(let conversation):
                    // Goes on where its connection is.
                    group.addTask(executorPreference: EventLoopExecutor.of(conversation.eventLoop)) {
                        await http.handleHTTP(asyncChannel: conversation.channel, logger: logger)
                    }
                case .lost:
                    // A node that some clients cannot come to must not look well.
                    isLost = true
                    for entrance in entrances { entrance.close() }
                    group.cancelAll()
                }
            }
            return isLost
        }
        if isLost { throw ListenerLost() }
    }

    /// Runs as a program of its own, until SIGTERM or SIGINT.
    ///
    /// - Parameter services: what it depends on: started before it, and stopped after it.
    public func runService(with services: any Service...) async throws {
        try await ServiceGroup(
            services: services + [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }

    private static let sharing = ChannelOptions.Types.SocketOption(level: .socket, name: .init(rawValue: SO_REUSEPORT))

    private func listen(_ entrances: [Entrance]) async throws -> SocketAddress {
        var address: SocketAddress?
        for entrance in entrances {
            let bootstrap = ServerBootstrap(group: entrance.eventLoop)
                .serverChannelOption(.backlog, value: CInt(clamping: backlog))
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.maxMessagesPerRead, value: UInt(Self.connectionsPerRead(engine)))
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AcceptPause(mayAccept, logger: logger))
                    }
                }
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try entrance.accept(channel) }
                }
            if let address {
                let channel = try await bootstrap.serverChannelOption(Self.sharing, value: 1).bind(to: address).get()
                entrance.listens(by: channel)
            } else {
                // Alone at first: else another server on the same port would go unnoticed, and get half of the clients.
                let channel = try await bootstrap.bind(host: host, port: port).get()
                entrance.listens(by: channel)
                address = channel.localAddress
                if entrances.count > 1 {
                    try await channel.setOption(Self.sharing, value: 1).get()
                }
            }
        }
        guard let address else { throw ChannelError.unknownLocalAddress }
        return address
    }

    /// Answers requests as Hummingbird's own application does.
    private static func responder<Responder: HTTPResponder>(
        _ responder: Responder, _ logger: Logger
    ) -> HTTPChannelHandler.Responder
    where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        let date = HTTPDate()
        return { request, writer, channel in
            var logger = logger
            logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
            let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            var response: Response
            do {
                response = try await withLogger(logger) { _ in
                    try await responder.respond(to: request, context: context)
                }
            } catch let error as HTTPParserError {
                throw error  // answered by 400
            } catch {
                logger.debug("a request failed", metadata: ["error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = date.text
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch is HTTPParserError {
                // In the middle of an answer there is none to be given.
                throw ChannelError.inputClosed
            }
        }
    }
}
