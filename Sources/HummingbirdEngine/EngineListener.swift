public import EngineIO
import HTTPTypes
public import Hummingbird
import HummingbirdCore
public import Logging
public import NIOCore
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
    private let respond: HTTPChannelHandler.Responder

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
        self.respond = Self.responder(router.buildResponder(), logger)
    }

    /// Listens until the task is cancelled, which ends every connection at once, or a graceful shutdown.
    ///
    /// - Throws: `IOError` when the address is in use, or not of this machine.
    public func run() async throws {
        let entrances = engine.shards.map {
            Entrance($0, engine: engine, respond: respond, logger: logger, onAccept: onAccept)
        }
        do {
            let address = try await listen(entrances)
            logger.info("listening", metadata: ["address": "\(address)"])
            await withTaskCancellationHandler {
                await withGracefulShutdownHandler {
                    await onListening(address)
                    for entrance in entrances { await entrance.closed() }
                } onGracefulShutdown: {
                    for entrance in entrances { entrance.quiesce() }
                }
            } onCancel: {
                for entrance in entrances { entrance.close() }
            }
        } catch {
            for entrance in entrances { entrance.close() }
            throw error
        }
    }

    /// Runs as a program of its own, until SIGTERM or SIGINT.
    ///
    /// - Parameter services: what it depends on: started before it, and stopped after it.
    public func runService(with services: any Service...) async throws {
        try await ServiceGroup(
            services: services + [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }

    private func listen(_ entrances: [Entrance]) async throws -> SocketAddress {
        var address: SocketAddress?
        for entrance in entrances {
            let bootstrap = ServerBootstrap(group: entrance.eventLoop)
                .serverChannelOption(.backlog, value: CInt(clamping: backlog))
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AcceptPause(mayAccept))
                    }
                }
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try entrance.accept(channel) }
                }
            let channel: any Channel
            if let address {
                channel = try await bootstrap.serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
                    .bind(to: address).get()
            } else {
                // Alone at first: else another server on the same port would go unnoticed, and get half of the clients.
                channel = try await bootstrap.bind(host: host, port: port).get()
                address = channel.localAddress
                if entrances.count > 1 {
                    try await channel.setOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1).get()
                }
            }
            entrance.listens(by: channel)
        }
        guard let address else { throw ChannelError.unknownLocalAddress }
        return address
    }

    /// Answers requests as Hummingbird's own application does.
    private static func responder<Responder: HTTPResponder>(
        _ responder: Responder, _ logger: Logger
    ) -> HTTPChannelHandler.Responder where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        let date = HTTPDate()
        return { request, writer, channel in
            var logger = logger
            logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
            let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            var response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch {
                logger.debug("a request failed", metadata: ["error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = date.text
            try await writer.write(response: response.head, body: response.body)
        }
    }
}
