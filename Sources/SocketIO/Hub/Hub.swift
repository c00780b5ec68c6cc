import EngineIO
import NIOCore

/// The Socket.IO part of one event loop: its namespaces. Confined to that event loop.
final class Hub: EngineLoopApplication {
    let loop: EngineLoop
    let core: ServerCore
    let configuration: SocketIOConfiguration
    let counters: SocketIOCounters
    private var namespaces: [String: NamespaceHub] = [:]
    private var lastAcknowledgementID = 0

    init(loop: EngineLoop, core: ServerCore) {
        self.loop = loop
        self.core = core
        self.configuration = core.configuration
        self.counters = core.counters
    }

    func opened(_ connection: EngineConnection, context: any Sendable) -> any EngineConnectionDelegate {
        let client = Client(connection, context: context, hub: self)
        client.waitForConnect()
        return client
    }

    /// A namespace that has, or had, sockets here.
    subscript(name: String) -> NamespaceHub? { namespaces[name] }

    /// The namespace that a client asks for; a dynamic one comes to be with its first socket.
    func namespace(_ name: String) -> NamespaceHub? {
        if let namespace = namespaces[name] { return namespace }
        guard let definition = core.definition(of: name) else { return nil }
        let namespace = NamespaceHub(
            name: name, handler: definition.handler, recovery: definition.recovery, hub: self)
        namespaces[name] = namespace
        return namespace
    }

    /// A dynamic namespace goes with its last socket: clients choose the names.
    func removeIfEmpty(_ namespace: NamespaceHub) {
        if namespace.isEmpty, core.isDynamic(namespace.name) {
            namespaces.removeValue(forKey: namespace.name)
        }
    }

    /// A number that no other event of this event loop's sockets has.
    func nextAcknowledgementID() -> Int {
        lastAcknowledgementID += 1
        return lastAcknowledgementID
    }
}
