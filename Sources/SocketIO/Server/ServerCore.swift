import EngineIO
import NIOCore
import Synchronization

/// What a server's parts share: who handles which namespace, the sockets of this node, the way to the other nodes.
final class ServerCore: Sendable {
    struct Definition: Sendable {
        let handler: any SocketHandler
        let recovery: NamespaceRecovery?
    }

    private struct Definitions {
        var named: [String: Definition] = [:]
        var dynamic: [(matches: @Sendable (String) -> Bool, handler: any SocketHandler)] = []
    }

    let configuration: SocketIOConfiguration
    let counters = SocketIOCounters()
    let connections: any ConnectionHandler
    let adapter: any Adapter
    let hubs: EventLoopLocal<Hub>
    /// Tells this node's own messages from those of others.
    let sender = SocketID.random().string
    private let definitions = Mutex(Definitions())

    init(
        configuration: SocketIOConfiguration, eventLoops: [any EventLoop], connections: any ConnectionHandler,
        adapter: any Adapter
    ) {
        self.configuration = configuration
        self.connections = connections
        self.adapter = adapter
        self.hubs = EventLoopLocal(eventLoops: eventLoops)
    }

    func define(_ name: String, _ definition: Definition) {
        let isNew = definitions.withLock { $0.named.updateValue(definition, forKey: name) == nil }
        precondition(isNew, "the namespace \(name) has a handler already")
    }

    func define(matching matches: @escaping @Sendable (String) -> Bool, _ handler: any SocketHandler) {
        definitions.withLock { $0.dynamic.append((matches, handler)) }
    }

    /// Who handles a namespace: the one it was defined with, or the first dynamic one that matches.
    func definition(of name: String) -> Definition? {
        let (named, dynamic) = definitions.withLock { ($0.named[name], $0.dynamic) }
        return named ?? dynamic.first { $0.matches(name) }.map { Definition(handler: $0.handler, recovery: nil) }
    }

    func isDynamic(_ name: String) -> Bool {
        definitions.withLock { $0.named[name] == nil }
    }

    var recoveries: [NamespaceRecovery] {
        definitions.withLock { $0.named.values.compactMap(\.recovery) }
    }
}

extension ServerCore: EngineApplication {
    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
        connections.authorize(handshake)
    }

    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        connections.authorize(request, of: context)
    }

    func headers(for request: EngineHandshake) -> [(name: String, value: String)] {
        connections.headers(for: request)
    }

    func makeLoopApplication(_ loop: EngineLoop) -> any EngineLoopApplication {
        let hub = Hub(loop: loop, core: self)
        hubs[loop.eventLoop] = hub
        return hub
    }
}
