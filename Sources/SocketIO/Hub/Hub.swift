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
    private(set) var sockets: [SocketID: Socket] = [:]

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
        sockets[socket.id] = socket
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
            sockets.removeValue(forKey: socket.id)
            counters.sockets.add(-1)
            handler.disconnected(socket, rooms: rooms, reason: reason)
        }
    }

    // MARK: Events

    /// Puts an event into its socket's mailbox; a task handles them in order for as long as there are some.
    func received(_ event: SocketEvent, on socket: Socket) {
        counters.events.increment()
        guard handler.admits(event, on: socket) else { return }
        guard socket.mailbox.count < configuration.mailboxLimit else {
            socket.connection.close(.forcedClose)
            return
        }
        socket.mailbox.append(event)
        guard !socket.isHandling else { return }
        socket.isHandling = true
        let bound = NIOLoopBound((hub: self, socket: socket), eventLoop: loop.eventLoop)
        let taken = loop.spawn { _ in
            let (hub, socket) = bound.value
            await hub.handleMailbox(of: socket)
        }
        if !taken {
            socket.connection.close(.serverShuttingDown)
        }
    }

    private nonisolated(nonsending) func handleMailbox(of socket: Socket) async {
        while let event = socket.mailbox.popFirst() {
            await handler.handle(event, on: socket)
        }
        socket.isHandling = false
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
        for socket in sockets.values {
            socket.connection.send(message)
        }
        counters.deliveries.increment(by: sockets.count)
    }
}
