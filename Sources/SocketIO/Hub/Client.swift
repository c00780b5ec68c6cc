import EngineIO
import NIOCore

/// One connection as Socket.IO sees it: the namespaces that its client asked for. Confined to its event loop.
final class Client: EngineConnectionDelegate {
    private let connection: EngineConnection
    private let hub: Hub
    private let context: any Sendable
    /// Most clients have one socket, and need no storage for more.
    private var first: Socket?
    private var others: [Socket] = []
    private var connectTimer: Scheduled<Void>?
    private var assembly: BinaryAssembly?
    private var connects: UInt16 = 0
    private var refusedNamespaces: UInt16 = 0

    init(_ connection: EngineConnection, context: any Sendable, hub: Hub) {
        self.connection = connection
        self.context = context
        self.hub = hub
    }

    /// Closes the connection when no CONNECT comes in time.
    func waitForConnect() {
        guard connection.isOpen, first == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: hub.loop.eventLoop)
        connectTimer?.cancel()
        connectTimer = hub.loop.eventLoop.scheduleTask(in: TimeAmount(hub.configuration.connectTimeout)) {
            if bound.value.first == nil {
                bound.value.connection.close(.forcedClose)
            }
        }
    }

    // MARK: What the connection tells

    func received(text: ByteBuffer) {
        // Attachments follow their packet with nothing between them.
        guard assembly == nil, let packet = SocketPacket(text) else { return connection.close(.parseError) }
        if packet.kind == .connect {
            return connect(packet)
        }
        guard let socket = socket(packet.namespace), socket.state == .connected else {
            return connection.close(.parseError)
        }
        switch packet.kind {
        case .event, .acknowledgement:
            complete(packet, [], on: socket)
        case .binaryEvent, .binaryAcknowledgement:
            guard packet.attachmentCount <= hub.configuration.maximumAttachments, packet.hasMatchingPlaceholders else {
                return connection.close(.parseError)
            }
            if packet.attachmentCount == 0 {
                complete(packet, [], on: socket)
            } else {
                assembly = BinaryAssembly(packet)
            }
        case .disconnect:
            remove(socket)
            socket.namespaceHub.ended(socket, .clientNamespaceDisconnect)
            hub.removeIfEmpty(socket.namespaceHub)
            waitForConnect()
        case .connect, .connectError:
            connection.close(.parseError)
        }
    }

    func received(binary: ByteBuffer) {
        guard let assembly else { return connection.close(.parseError) }
        let isWhole = assembly.add(binary)
        guard assembly.byteCount <= hub.configuration.maximumAttachmentBytes else {
            return connection.close(.parseError)
        }
        guard isWhole else { return }
        self.assembly = nil
        // The socket may be gone since the packet came; its attachments had to be read all the same.
        guard let socket = socket(assembly.packet.namespace), socket.state == .connected else { return }
        complete(assembly.packet, assembly.attachments, on: socket)
    }

    private func complete(_ packet: SocketPacket, _ attachments: [ByteBuffer], on socket: Socket) {
        switch packet.kind {
        case .event, .binaryEvent:
            guard let event = SocketEvent(packet, attachments: attachments) else {
                return connection.close(.parseError)
            }
            socket.namespaceHub.received(event, on: socket)
        default:
            guard let id = packet.acknowledgementID,
                let payload = EventPayload(acknowledgement: packet, attachments: attachments)
            else { return connection.close(.parseError) }
            socket.resume(id, with: payload)
        }
    }

    func drained() {
        forEachSocket { socket in
            if socket.state == .connected { socket.namespaceHub.resume(socket) }
        }
    }

    func closed(_ reason: CloseReason) {
        stopWaiting()
        assembly = nil
        let sockets = sockets
        first = nil
        others = []
        for socket in sockets {
            socket.namespaceHub.ended(socket, .connection(reason))
            hub.removeIfEmpty(socket.namespaceHub)
        }
    }

    // MARK: Sockets

    private var sockets: [Socket] { first.map { [$0] + others } ?? [] }

    private func forEachSocket(_ body: (Socket) -> Void) {
        guard let first else { return }
        if others.isEmpty { return body(first) }
        for socket in sockets { body(socket) }
    }

    private func socket(_ namespace: String) -> Socket? {
        if let first, first.namespaceHub.name == namespace { return first }
        return others.first { $0.namespaceHub.name == namespace }
    }

    private func add(_ socket: Socket) {
        if first == nil { first = socket } else { others.append(socket) }
    }

    private func remove(_ socket: Socket) {
        if first === socket {
            first = others.isEmpty ? nil : others.removeFirst()
        } else {
            others.removeAll { $0 === socket }
        }
    }

    /// The server has disconnected one of the sockets.
    func left(_ socket: Socket) {
        remove(socket)
        hub.removeIfEmpty(socket.namespaceHub)
        waitForConnect()
    }

    /// - Parameter socket: the one that is asked about.
    func disconnectAll(first socket: Socket) {
        socket.namespaceHub.disconnect(socket)
        for other in sockets { other.namespaceHub.disconnect(other) }
        connection.close(.forcedClose)
    }

    // MARK: CONNECT

    private func connect(_ packet: SocketPacket) {
        guard let namespace = hub.namespace(packet.namespace) else {
            refusedNamespaces += 1
            guard refusedNamespaces <= hub.configuration.maximumNamespaces else { return connection.close(.parseError) }
            let refusal = ConnectRefusal(message: "Invalid namespace")
            connection.send(text: PacketWriter.connectError(namespace: packet.namespace, refusal))
            return
        }
        connects += 1
        guard connects <= hub.configuration.maximumConnects, socket(packet.namespace) == nil,
            others.count + 1 < hub.configuration.maximumNamespaces || first == nil, let auth = Self.auth(packet)
        else {
            hub.removeIfEmpty(namespace)
            return connection.close(.parseError)
        }
        stopWaiting()
        let socket = Socket(
            id: .random(), context: context, connection: connection, client: self, namespaceHub: namespace)
        add(socket)
        namespace.connecting += 1
        let bound = NIOLoopBound((client: self, socket: socket), eventLoop: hub.loop.eventLoop)
        let taken = hub.loop.spawn { _ in
            let (client, socket) = bound.value
            let decision = await socket.namespaceHub.decide(socket, auth: auth.value)
            client.decided(decision, on: socket)
        }
        if !taken {
            namespace.connecting -= 1
            connection.close(.serverShuttingDown)
        }
    }

    private func stopWaiting() {
        connectTimer?.cancel()
        connectTimer = nil
    }

    private func decided(_ decision: ConnectDecision, on socket: Socket) {
        let namespace = socket.namespaceHub
        namespace.connecting -= 1
        guard socket.state == .connecting else { return hub.removeIfEmpty(namespace) }
        switch decision {
        case .accept:
            namespace.connected(socket)
        case .refuse(let refusal):
            remove(socket)
            namespace.ended(socket, .serverNamespaceDisconnect)
            connection.send(text: PacketWriter.connectError(namespace: namespace.name, refusal))
            hub.removeIfEmpty(namespace)
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
