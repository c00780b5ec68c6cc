import DequeModule
import EngineIO
public import NIOCore

/// One client in the namespace `/`. Confined to its event loop.
public final class Socket {
    enum State {
        case connecting
        case connected
        case disconnected
    }

    public let id: SocketID
    /// What the handshake was accepted with (``HandshakeDecision``).
    public let context: any Sendable
    public let eventLoop: any EventLoop
    /// The application's own, for as long as the socket lives.
    public var storage: AnyObject?

    let connection: EngineConnection
    private unowned let hub: Hub
    var state = State.connecting
    /// Where the hub keeps the socket.
    var place = 0
    var mailbox = Deque<SocketEvent>()
    var isHandling = false
    var rooms: Set<String> = []
    /// Rooms whose messages were left out because the client did not keep up.
    var missedRooms: Set<String> = []
    private var lastAcknowledgementID = 0
    private var waiters: [Int: (JSONBytes?) -> Void] = [:]

    init(id: SocketID, context: any Sendable, connection: EngineConnection, hub: Hub) {
        self.id = id
        self.context = context
        self.connection = connection
        self.hub = hub
        self.eventLoop = hub.loop.eventLoop
    }

    public var isConnected: Bool { state == .connected }

    /// The address at the other end of the connection.
    public var peer: SocketAddress? { connection.peer }

    // MARK: Sending

    /// Sends an event with one argument.
    public func emit(_ event: String, _ argument: JSONBytes) {
        guard state == .connected else { return }
        connection.send(text: PacketWriter.event(event, argument.buffer))
    }

    /// Answers an event. Does nothing when the client did not ask for an acknowledgement.
    public func acknowledge(_ event: SocketEvent, _ argument: JSONBytes) {
        guard state == .connected, let id = event.acknowledgementID else { return }
        connection.send(text: PacketWriter.acknowledgement(id, argument.buffer))
    }

    /// Sends an event and waits for the client's acknowledgement.
    ///
    /// - Returns: Its first argument (`null` when there is none), or `nil` when none came in time or the socket is gone.
    public nonisolated(nonsending) func request(
        _ event: String, _ argument: JSONBytes, timeout: Duration
    ) async -> JSONBytes? {
        guard state == .connected else { return nil }
        lastAcknowledgementID += 1
        let id = lastAcknowledgementID
        connection.send(text: PacketWriter.event(event, argument.buffer, acknowledgementID: id))
        return await withCheckedContinuation { continuation in
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            let timer = eventLoop.scheduleTask(in: .nanoseconds(timeout.wholeMilliseconds * 1_000_000)) {
                bound.value.resume(id, with: nil)
            }
            waiters[id] = { answer in
                timer.cancel()
                continuation.resume(returning: answer)
            }
        }
    }

    /// An acknowledgement came, or will not come any more.
    func resume(_ id: Int, with answer: JSONBytes?) {
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

    /// Adds the socket to a room of this node; it gets what is broadcast there from now on.
    public func join(_ room: String) {
        guard state == .connected, rooms.insert(room).inserted else { return }
        hub.index.insert(self, into: room)
    }

    public func leave(_ room: String) {
        missedRooms.remove(room)
        guard rooms.remove(room) != nil else { return }
        hub.index.remove(self, from: room)
    }

    public func isIn(_ room: String) -> Bool { rooms.contains(room) }

    public var roomCount: Int { rooms.count }

    /// Disconnects the socket with a DISCONNECT packet, after which clients do not come back by themselves, or only
    /// its transport, after which they do.
    public func disconnect(closingTransportOnly: Bool = false) {
        // The connection of a socket that is gone may be another socket's by now.
        guard state != .disconnected else { return }
        if closingTransportOnly {
            connection.close(.forcedClose)
        } else {
            hub.disconnect(self)
        }
    }
}
