import CoreMetrics
import DequeModule
import EngineIO
import NIOCore

/// The Socket.IO part of one event loop: its sockets, who is in which room, whose events wait. Confined to it.
final class Hub: EngineLoopApplication {
    let loop: EngineLoop
    let handler: any SocketHandler
    let configuration: SocketIOConfiguration
    let counters: SocketIOCounters
    var index = RoomIndex()
    /// The connected sockets, in no order; each knows its place.
    private var sockets: ContiguousArray<Socket> = []

    init(
        loop: EngineLoop, handler: any SocketHandler, configuration: SocketIOConfiguration, counters: SocketIOCounters
    ) {
        self.loop = loop
        self.handler = handler
        self.configuration = configuration
        self.counters = counters
    }

    func opened(_ connection: EngineConnection, context: any Sendable) -> any EngineConnectionDelegate {
        let client = Client(connection, context: context, hub: self)
        client.waitForConnect()
        return client
    }

    // MARK: Sockets

    func connected(_ socket: Socket) {
        socket.state = .connected
        socket.place = sockets.count
        sockets.append(socket)
        counters.sockets.add(1)
        socket.connection.send(text: PacketWriter.connect(socket.id))
        handler.connected(socket)
    }

    /// Ends a socket by a DISCONNECT packet.
    func disconnect(_ socket: Socket) {
        guard socket.state == .connected else { return }
        socket.connection.send(text: PacketWriter.disconnect)
        ended(socket, .serverNamespaceDisconnect)
    }

    /// A socket is over: out of its rooms, out of the hub, its mailbox forgotten.
    func ended(_ socket: Socket, _ reason: DisconnectReason) {
        guard socket.state != .disconnected else { return }
        let wasConnected = socket.state == .connected
        socket.state = .disconnected
        socket.mailbox.removeAll()
        let rooms = socket.rooms
        for room in rooms {
            index.remove(socket, from: room)
        }
        socket.rooms = []
        socket.resumeAll()
        if wasConnected {
            remove(socket)
            counters.sockets.add(-1)
            handler.disconnected(socket, rooms: rooms, reason: reason)
        }
    }

    /// The last socket takes the place of the one that leaves.
    private func remove(_ socket: Socket) {
        guard let last = sockets.popLast(), last !== socket else { return }
        sockets[socket.place] = last
        last.place = socket.place
    }

    // MARK: Events

    /// Handles an event, or puts it into its socket's mailbox while an earlier one is handled.
    ///
    /// Who does not read the answers is not served further: its events wait until it does.
    func received(_ event: SocketEvent, on socket: Socket) {
        counters.events.increment()
        guard handler.admits(event, on: socket) else { return }
        if !socket.isHandling, socket.mailbox.isEmpty, socket.connection.isWritable {
            return start(with: event, on: socket)
        }
        guard socket.mailbox.count < configuration.mailboxLimit else {
            socket.connection.close(.forcedClose)
            return
        }
        socket.mailbox.append(event)
    }

    /// The client reads again.
    func resume(_ socket: Socket) {
        if !socket.isHandling, socket.connection.isWritable, let event = socket.mailbox.popFirst() {
            start(with: event, on: socket)
        }
    }

    /// A task handles a socket's events in order for as long as there are some.
    private func start(with event: SocketEvent, on socket: Socket) {
        socket.isHandling = true
        let bound = NIOLoopBound((hub: self, socket: socket), eventLoop: loop.eventLoop)
        let taken = loop.spawn { _ in
            let (hub, socket) = bound.value
            await hub.handle(event, on: socket)
        }
        if !taken {
            socket.connection.close(.serverShuttingDown)
        }
    }

    private nonisolated(nonsending) func handle(_ first: SocketEvent, on socket: Socket) async {
        var next: SocketEvent? = first
        while let event = next {
            await handler.handle(event, on: socket)
            next = socket.connection.isWritable ? socket.mailbox.popFirst() : nil
        }
        socket.isHandling = false
        if socket.mailbox.isEmpty {
            socket.mailbox = Deque()  // an idle socket holds no storage
        }
    }

    // MARK: Broadcasts

    /// Writes the same bytes to every socket of a room; each is flushed once at the end of the loop's turn.
    func broadcast(_ message: EncodedMessage, to room: String, except: SocketID?) {
        var delivered = 0
        for socket in index.sockets(in: room) where socket.id != except {
            if socket.connection.isWritable {
                socket.connection.send(message)
                delivered += 1
            } else {
                socket.missedRooms.insert(room)
            }
        }
        counters.deliveries.increment(by: delivered)
    }

    func broadcast(_ message: EncodedMessage) {
        for socket in sockets {
            socket.connection.send(message)
        }
        counters.deliveries.increment(by: sockets.count)
    }
}
