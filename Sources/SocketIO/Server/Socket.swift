import DequeModule
public import EngineIO
public import NIOCore

/// One client in one namespace. Confined to its event loop.
public final class Socket {
    enum State {
        case connecting
        case connected
        case disconnected
    }

    /// What a namespace's other sockets may know it by; kept when its state is recovered.
    public internal(set) var id: SocketID
    /// What the handshake was accepted with (`HandshakeDecision`).
    public let context: any Sendable
    /// The application's own, for as long as the socket lives.
    public var storage: AnyObject?
    /// What other nodes see of the socket (``RemoteSocket``), and what recovery restores.
    public var data: JSONBytes? {
        didSet { recovery?.changed(self) }
    }

    let connection: EngineConnection
    unowned let client: Client
    let namespaceHub: NamespaceHub
    var state = State.connecting
    /// Whether the handler is being told that it is about to go.
    var isEnding = false
    /// Where the hub keeps the socket.
    var place = 0
    var mailbox = Deque<SocketEvent>()
    var isHandling = false
    /// The rooms that it has joined; its own id, which it alone is in, is not among them.
    public internal(set) var rooms: Set<String> = []
    /// Rooms whose messages were left out because the client did not keep up.
    var missedRooms: Set<String> = []
    /// Set in a namespace with connection state recovery.
    var recovery: SocketRecovery?
    private var waiters: [Int: (EventPayload?) -> Void] = [:]

    init(
        id: SocketID, context: any Sendable, connection: EngineConnection, client: Client, namespaceHub: NamespaceHub
    ) {
        self.id = id
        self.context = context
        self.connection = connection
        self.client = client
        self.namespaceHub = namespaceHub
    }

    /// Where its handlers run, and where alone it may be touched.
    public var eventLoop: any EventLoop { namespaceHub.hub.loop.eventLoop }

    /// Whether it is in its namespace: from the answer to CONNECT until it is gone.
    public var isConnected: Bool { state == .connected }

    /// The namespace that the socket is in, on all nodes.
    public var namespace: Namespace { Namespace(name: namespaceHub.name, core: namespaceHub.hub.core) }

    /// Whether this is an earlier socket come back: same id, same rooms, and what it missed is on its way.
    public var isRecovered: Bool { recovery?.isRecovered ?? false }

    /// The address at the other end of the connection.
    public var peer: SocketAddress? { connection.peer }

    /// The handshake of the connection, where the server was given no ``ConnectionHandler`` of its own.
    public var handshake: EngineHandshake? { context as? EngineHandshake }

    // MARK: Acknowledgements that are waited for

    /// - Parameter answered: called once: with the answer, or with `nil` when there will be none.
    func wait(for id: Int, _ answered: @escaping (EventPayload?) -> Void) {
        waiters[id] = answered
    }

    /// An acknowledgement came, or will not come any more. One that nobody waits for is ignored.
    func resume(_ id: Int, with answer: EventPayload?) {
        waiters.removeValue(forKey: id)?(answer)
    }

    func resumeAll() {
        let waiters = waiters
        self.waiters = [:]
        for waiter in waiters.values {
            waiter(nil)
        }
    }

    // MARK: Rooms and the end

    /// Adds the socket to a room; it gets what is broadcast there from now on.
    public func join(_ room: String) {
        guard state == .connected, rooms.insert(room).inserted else { return }
        namespaceHub.join(self, room)
        recovery?.changed(self)
    }

    /// Takes the socket out of a room; does nothing when it is not in it.
    public func leave(_ room: String) {
        missedRooms.remove(room)
        guard rooms.remove(room) != nil else { return }
        namespaceHub.leave(self, room)
        recovery?.changed(self)
    }

    /// Whether it has joined a room.
    public func isIn(_ room: String) -> Bool { rooms.contains(room) }

    /// How many rooms it has joined.
    public var roomCount: Int { rooms.count }

    /// Disconnects the socket with a DISCONNECT packet, after which clients do not come back by themselves, or only
    /// its transport, after which they do.
    public func disconnect(closingTransportOnly: Bool = false) {
        // The connection of a socket that is gone may be another socket's by now.
        guard state != .disconnected else { return }
        if closingTransportOnly {
            connection.close(.forcedClose)
        } else {
            namespaceHub.disconnect(self)
        }
    }

    /// Disconnects the socket and those of its client in other namespaces with DISCONNECT packets, and ends the
    /// connection.
    public func disconnectAndClose() {
        guard state != .disconnected else { return }
        client.disconnectAll(first: self)
    }
}
