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

/// A Socket.IO v5 server: the namespace `/` over text messages, with acknowledgements both ways and rooms of sockets.
///
/// By itself it knows nothing of sessions, games or other nodes.
public final class SocketIOServer: Sendable {
    public let engine: EngineServer
    public let counters: SocketIOCounters
    private let hubs: EventLoopLocal<Hub>

    /// - Parameters:
    ///   - eventLoops: those that accept connections.
    ///   - handler: what the sockets are for.
    public init(
        engine: EngineConfiguration, configuration: SocketIOConfiguration, eventLoops: [any EventLoop],
        handler: any SocketHandler
    ) {
        counters = SocketIOCounters()
        hubs = EventLoopLocal(eventLoops: eventLoops)
        self.engine = EngineServer(
            configuration: engine, eventLoops: eventLoops,
            application: HubFactory(
                handler: handler, configuration: configuration, counters: counters, hubs: hubs))
    }

    /// Sends the same bytes to every socket of this node in a room: one hop to each event loop, one flush a socket.
    ///
    /// - Parameter except: a socket that is left out.
    public func broadcast(_ message: EncodedMessage, to room: String, except: SocketID? = nil) {
        hubs.forEach { $0.broadcast(message, to: room, except: except) }
    }

    /// Sends the same bytes to every socket of this node.
    public func broadcast(_ message: EncodedMessage) {
        hubs.forEach { $0.broadcast(message) }
    }

    /// Does something with every socket of this node, on its own event loop.
    public func forEachSocket(_ body: @escaping @Sendable (Socket) -> Void) {
        hubs.forEach { hub in
            for socket in hub.sockets.values {
                body(socket)
            }
        }
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

    func makeLoopApplication(_ loop: EngineLoop) -> any EngineLoopApplication {
        let hub = Hub(loop: loop, handler: handler, configuration: configuration, counters: counters)
        hubs[loop.eventLoop] = hub
        return hub
    }
}
