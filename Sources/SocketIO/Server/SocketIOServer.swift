public import EngineIO
public import CoreMetrics
public import NIOCore

/// What a Socket.IO server may be told, beside what its engine may.
public struct SocketIOConfiguration: Sendable {
    /// How long a connection may be open without a CONNECT. Default 45 s.
    public var connectTimeout = Duration.seconds(45)
    /// Events of one socket that may wait for their turn; one more closes it. Default 256.
    public var mailboxLimit = 256

    public init() {}
}

/// What the server counts, for the whole node.
public struct SocketIOCounters: Sendable {
    /// Connected sockets.
    public let sockets = EngineCounters.Gauge()
    public let events = Counter(label: "rejoin_socket_events_total")
    public let deliveries = Counter(label: "rejoin_socket_deliveries_total")

    public init() {}
}

/// Sends messages to the sockets of this node: one hop to each event loop, the same bytes to every socket, one flush a
/// socket. Any thread may call.
public final class Broadcaster: Sendable {
    let hubs: EventLoopLocal<Hub>

    /// - Parameter eventLoops: those that accept connections.
    public init(eventLoops: [any EventLoop]) {
        hubs = EventLoopLocal(eventLoops: eventLoops)
    }

    /// Sends to every socket in a room.
    ///
    /// - Parameter except: a socket that is left out.
    public func send(_ message: EncodedMessage, to room: String, except: SocketID? = nil) {
        hubs.forEach { $0.broadcast(message, to: room, except: except) }
    }

    /// Sends to every socket.
    public func send(_ message: EncodedMessage) {
        hubs.forEach { $0.broadcast(message) }
    }
}

/// A Socket.IO v5 server: the namespace `/` over text messages, with acknowledgements both ways and rooms of sockets.
///
/// By itself it knows nothing of sessions, games or other nodes.
public final class SocketIOServer: Sendable {
    public let engine: EngineServer
    public let counters: SocketIOCounters

    /// - Parameters:
    ///   - eventLoops: those that accept connections.
    ///   - broadcaster: made for the same event loops, for whoever has something to send.
    ///   - handler: what the sockets are for.
    public init(
        engine: EngineConfiguration, configuration: SocketIOConfiguration, eventLoops: [any EventLoop],
        broadcaster: Broadcaster, handler: any SocketHandler
    ) {
        counters = SocketIOCounters()
        self.engine = EngineServer(
            configuration: engine, eventLoops: eventLoops,
            application: HubFactory(
                handler: handler, configuration: configuration, counters: counters, hubs: broadcaster.hubs))
    }
}

private struct HubFactory: EngineApplication {
    let handler: any SocketHandler
    let configuration: SocketIOConfiguration
    let counters: SocketIOCounters
    let hubs: EventLoopLocal<Hub>

    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
        handler.authorize(handshake)
    }

    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        handler.authorize(request, of: context)
    }

    func makeLoopApplication(_ loop: EngineLoop) -> any EngineLoopApplication {
        let hub = Hub(loop: loop, handler: handler, configuration: configuration, counters: counters)
        hubs[loop.eventLoop] = hub
        return hub
    }
}
