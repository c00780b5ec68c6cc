import EngineIO
import NIOCore

/// One connection as Socket.IO sees it: the namespaces that its client asked for. Confined to its event loop.
final class Client: EngineConnectionDelegate {
    private let connection: EngineConnection
    private let hub: Hub
    private let context: any Sendable
    private var socket: Socket?
    private var connectTimer: Scheduled<Void>?
    private var connects = 0
    private var refusedNamespaces = 0

    /// CONNECTs of one connection, before it is taken for a flood: each costs the application a round trip.
    private static let maximumConnects = 64
    /// CONNECTs to namespaces that do not exist, before a connection is taken for a scan.
    private static let maximumRefusedNamespaces = 5

    init(_ connection: EngineConnection, context: any Sendable, hub: Hub) {
        self.connection = connection
        self.context = context
        self.hub = hub
    }

    /// Closes the connection when no CONNECT comes in time.
    func waitForConnect() {
        guard connection.isOpen else { return }
        let bound = NIOLoopBound(self, eventLoop: hub.loop.eventLoop)
        let time = TimeAmount.nanoseconds(hub.configuration.connectTimeout.wholeMilliseconds * 1_000_000)
        connectTimer = hub.loop.eventLoop.scheduleTask(in: time) {
            if bound.value.socket == nil {
                bound.value.connection.close(.forcedClose)
            }
        }
    }

    func received(text: ByteBuffer) {
        guard let packet = SocketPacket(text) else { return connection.close(.parseError) }
        if packet.kind == .connect {
            return connect(packet)
        }
        guard packet.namespace == "/", let socket, socket.state == .connected else {
            return connection.close(.parseError)
        }
        switch packet.kind {
        case .event:
            guard let event = SocketEvent(packet) else { return connection.close(.parseError) }
            hub.received(event, on: socket)
        case .acknowledgement:
            guard let id = packet.acknowledgementID, let elements = packet.elements else {
                return connection.close(.parseError)
            }
            socket.resume(id, with: elements.first ?? .null)
        case .disconnect:
            self.socket = nil
            hub.ended(socket, .clientNamespaceDisconnect)
            waitForConnect()
        case .connect, .connectError, .binaryEvent, .binaryAcknowledgement:
            connection.close(.parseError)
        }
    }

    func received(binary: ByteBuffer) {
        connection.close(.parseError)
    }

    func drained() {
        guard let socket, socket.state == .connected else { return }
        if !socket.missedRooms.isEmpty {
            let missed = socket.missedRooms
            socket.missedRooms = []
            hub.handler.drained(socket, missed: missed)
        }
        hub.resume(socket)
    }

    func closed(_ reason: CloseReason) {
        stopWaiting()
        if let socket {
            self.socket = nil
            hub.ended(socket, .connection(reason))
        }
    }

    private func connect(_ packet: SocketPacket) {
        guard packet.namespace == "/" else {
            refusedNamespaces += 1
            guard refusedNamespaces <= Self.maximumRefusedNamespaces else { return connection.close(.parseError) }
            let refusal = ConnectRefusal(message: "Invalid namespace")
            connection.send(text: PacketWriter.connectError(namespace: packet.namespace, refusal))
            return
        }
        connects += 1
        guard socket == nil, connects <= Self.maximumConnects, let auth = Self.auth(packet) else {
            return connection.close(.parseError)
        }
        stopWaiting()
        let socket = Socket(id: .random(), context: context, connection: connection, hub: hub)
        self.socket = socket
        let bound = NIOLoopBound((client: self, socket: socket), eventLoop: hub.loop.eventLoop)
        let taken = hub.loop.spawn { _ in
            let (client, socket) = bound.value
            let decision = await client.hub.handler.connect(socket, auth: auth.value)
            client.decided(decision, on: socket)
        }
        if !taken {
            connection.close(.serverShuttingDown)
        }
    }

    private func stopWaiting() {
        connectTimer?.cancel()
        connectTimer = nil
    }

    private func decided(_ decision: ConnectDecision, on socket: Socket) {
        guard self.socket === socket, socket.state == .connecting else { return }
        switch decision {
        case .accept:
            hub.connected(socket)
        case .refuse(let refusal):
            self.socket = nil
            hub.ended(socket, .serverNamespaceDisconnect)
            connection.send(text: PacketWriter.connectError(namespace: "/", refusal))
            waitForConnect()
        case .retry:
            connection.close(.forcedClose)
        }
    }

    /// The CONNECT's `auth`: absent, or an object.
    private static func auth(_ packet: SocketPacket) -> (value: JSONBytes?, Void)? {
        guard packet.payload.readableBytes > 0 else { return (nil, ()) }
        do {
            let json = try JSONBytes(validating: packet.payload)
            return json.kind == .object ? (json, ()) : nil
        } catch {
            return nil
        }
    }
}
