public import EngineIO
public import NIOCore
public import ServiceLifecycle

/// A Socket.IO v5 server: namespaces, events with binary values, acknowledgements both ways, rooms, broadcasts to all
/// nodes. By itself it knows nothing of sessions, games or Redis.
///
/// Define the namespaces, ``start()``, give its ``engine`` to the listener, and ``run()``. As a service it runs until the
/// graceful shutdown of its group: put it before the listener, so that it stops after it.
public final class SocketIOServer: Service {
    public let engine: EngineServer
    let core: ServerCore

    /// - Parameters:
    ///   - engine: what the transports are told.
    ///   - configuration: limits and times.
    ///   - eventLoops: those that accept connections.
    ///   - connections: who may open one; by default everybody.
    ///   - adapter: the way to the other nodes; by default there are none.
    public init(
        engine: EngineConfiguration = EngineConfiguration(),
        configuration: SocketIOConfiguration = SocketIOConfiguration(), eventLoops: [any EventLoop],
        connections: any ConnectionHandler = AcceptsEverybody(), adapter: any Adapter = LocalAdapter()
    ) {
        core = ServerCore(
            configuration: configuration, eventLoops: eventLoops, connections: connections, adapter: adapter)
        self.engine = EngineServer(configuration: engine, eventLoops: eventLoops, application: core)
        adapter.receive { [core] message in await core.perform(message) }
    }

    public var counters: SocketIOCounters { core.counters }

    /// Defines a namespace, once, before ``start()``.
    ///
    /// - Parameters:
    ///   - name: begins with a slash; at most 128 bytes, no comma and no question mark.
    ///   - handler: what its sockets are for.
    ///   - recovery: connection state recovery, and what keeps the state; without it a client that was away starts anew.
    @discardableResult
    public func namespace(
        _ name: String, handler: any SocketHandler, recovery: RecoveryOptions? = nil
    ) -> Namespace {
        precondition(Namespace.isName(name), "\(name) is no name of a namespace")
        let recovery = recovery.map { NamespaceRecovery(namespace: name, options: $0, core: core) }
        core.define(name, .init(handler: handler, recovery: recovery))
        return Namespace(name: name, core: core)
    }

    /// Defines all namespaces whose names a predicate accepts and that are not defined by name. Each comes to be with
    /// its first socket and goes with its last. Before ``start()``.
    ///
    /// - Parameter matches: called on event loops with what a client asks for; must be quick.
    public func namespaces(where matches: @escaping @Sendable (String) -> Bool, handler: any SocketHandler) {
        core.define(matching: matches, handler)
    }

    /// A namespace by its name, to broadcast to; whether it is defined or not.
    public func namespace(_ name: String) -> Namespace { Namespace(name: name, core: core) }

    /// Makes everything ready; to be awaited before the first connection is accepted.
    public func start() async throws {
        try await engine.start()
    }

    /// Runs the work of the sockets until ``stop()``, or a graceful shutdown.
    public func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for recovery in core.recoveries {
                    group.addTask { await recovery.run() }
                }
                await engine.run()
                for recovery in core.recoveries { recovery.stop() }
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    public func stop() {
        engine.stop()
    }
}
