public import EngineIO
public import NIOCore
public import ServiceLifecycle
import Synchronization

/// A Socket.IO v5 server: namespaces, events with binary values, acknowledgements both ways, rooms, broadcasts to all
/// nodes. By itself it knows nothing of sessions, games or Redis.
///
/// Define the namespaces, ``start()``, give its ``engine`` to the listener, and ``run()``. As a service it runs until the
/// graceful shutdown of its group: put it before the listener, so that it stops after it.
public final class SocketIOServer: Service {
    /// The connections below the sockets: what the listener is given, its counters, draining.
    public let engine: EngineServer
    let core: ServerCore
    /// Set by the first who starts the server; the others wait for it.
    private let started = Mutex<EventLoopFuture<Void>?>(nil)

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

    /// What the sockets of this node count; the connections below them count in `engine.counters`.
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
        precondition(
            Namespace.isName(name),
            "\"\(name)\" is no name of a namespace: it begins with a slash, and has at most 128 bytes, no comma, no question "
                + "mark and no control character")
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

    /// The main namespace, `/`, to broadcast to.
    public var sockets: Namespace { namespace("/") }

    /// A namespace by its name, to broadcast to; whether it is defined or not.
    public func namespace(_ name: String) -> Namespace { Namespace(name: name, core: core) }

    /// Makes everything ready; to be awaited before the first connection is accepted: one that comes earlier is reset.
    /// Once is enough: whoever calls it again waits until it is done.
    public func start() async throws {
        guard let eventLoop = engine.shards.first?.eventLoop else { return }
        let promise: EventLoopPromise<Void>? = started.withLock { started in
            guard started == nil else { return nil }
            let promise = eventLoop.makePromise(of: Void.self)
            started = promise.futureResult
            return promise
        }
        guard let promise else {
            try await started.withLock { $0 }?.get()
            return
        }
        do {
            try await engine.start()
            promise.succeed()
        } catch {
            promise.fail(error)
            throw error
        }
    }

    /// Runs the work of the sockets until ``stop()``, or a graceful shutdown. Starts first where ``start()`` was not called.
    public func run() async {
        do {
            try await start()
        } catch {
            return  // the event loops are shut down: there is nothing to run on
        }
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

    /// Ends ``run()`` once what handlers have begun is done. Connections are to be closed before, by
    /// `engine.drain(within:reason:)`.
    public func stop() {
        engine.stop()
    }
}
