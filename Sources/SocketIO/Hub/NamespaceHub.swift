import CoreMetrics
import DequeModule
import EngineIO
import NIOCore

/// One namespace on one event loop: its sockets, who is in which room, whose events wait. Confined to its event loop.
final class NamespaceHub {
    let name: String
    let handler: any SocketHandler
    let recovery: NamespaceRecovery?
    unowned let hub: Hub
    private var index = RoomIndex()
    /// The connected sockets, in no order; each knows its place.
    private(set) var sockets: ContiguousArray<Socket> = []
    private var socketOfID: [SocketID: Socket] = [:]
    /// CONNECTs that are being decided.
    var connecting = 0
    /// Those among them whose state is on its way from the store, or just came.
    var restoring: [ObjectIdentifier: SocketRecovery] = [:]
    /// The last logged message that was delivered here.
    var lastHeard: RecoveryOffset?
    /// Sockets by what their clients come back with.
    private(set) var socketOfRecoveryID: [String: Socket] = [:]
    /// Sockets that have been sent messages from the log which this node has yet to hear.
    var ahead: [ObjectIdentifier: SocketRecovery] = [:]
    var aliveTask: RepeatedTask?

    init(name: String, handler: any SocketHandler, recovery: NamespaceRecovery?, hub: Hub) {
        self.name = name
        self.handler = handler
        self.recovery = recovery
        self.hub = hub
    }

    // MARK: Sockets

    func connected(_ socket: Socket) {
        // What was missed is not all there: nobody hears of the socket, and its client comes back.
        if socket.recovery?.isIncomplete == true { return socket.connection.close(.forcedClose) }
        socket.state = .connected
        socket.place = sockets.count
        sockets.append(socket)
        socketOfID[socket.id] = socket
        for room in socket.rooms {
            index.insert(socket, into: room)
        }
        hub.counters.sockets.add(1)
        socket.connection.send(
            text: PacketWriter.connect(namespace: name, socket.id, recoveryID: socket.recovery?.id))
        if let recovery = socket.recovery {
            startTellingAlive()
            // A client that has come back before this node noticed that it was gone.
            socketOfRecoveryID.updateValue(socket, forKey: recovery.id)?.connection.close(.forcedClose)
            restoring.removeValue(forKey: ObjectIdentifier(socket))
            if recovery.isRecovered { ahead[ObjectIdentifier(socket)] = recovery }
            recovery.replay(to: socket)
            recovery.changed(socket)
        }
        handler.connected(socket)
    }

    /// Ends a socket by a DISCONNECT packet.
    func disconnect(_ socket: Socket) {
        guard socket.state == .connected, !socket.isEnding else { return }
        socket.connection.send(text: PacketWriter.disconnect(namespace: name))
        ended(socket, .serverNamespaceDisconnect)
        socket.client.left(socket)
    }

    /// A socket is over: out of its rooms, out of the hub, its mailbox forgotten.
    func ended(_ socket: Socket, _ reason: DisconnectReason) {
        guard socket.state != .disconnected, !socket.isEnding else { return }
        let wasConnected = socket.state == .connected
        if wasConnected {
            socket.isEnding = true
            handler.disconnecting(socket, reason: reason)
        }
        socket.state = .disconnected
        socket.mailbox.removeAll()
        let rooms = socket.rooms
        for room in rooms {
            index.remove(socket, from: room)
        }
        socket.rooms = []
        socket.resumeAll()
        if let recovery = socket.recovery {
            restoring.removeValue(forKey: ObjectIdentifier(socket))
            ahead.removeValue(forKey: ObjectIdentifier(socket))
            if socketOfRecoveryID[recovery.id] === socket {
                socketOfRecoveryID.removeValue(forKey: recovery.id)
            }
            recovery.ended(reason)
        }
        if wasConnected {
            remove(socket)
            hub.counters.sockets.add(-1)
            handler.disconnected(socket, rooms: rooms, reason: reason)
        }
    }

    /// The last socket takes the place of the one that leaves.
    private func remove(_ socket: Socket) {
        if socketOfID[socket.id] === socket {
            socketOfID.removeValue(forKey: socket.id)
        }
        guard let last = sockets.popLast(), last !== socket else { return }
        sockets[socket.place] = last
        last.place = socket.place
    }

    /// Whether nobody would notice if it were not there.
    var isEmpty: Bool { sockets.isEmpty && connecting == 0 }

    // MARK: Rooms

    func join(_ socket: Socket, _ room: String) {
        index.insert(socket, into: room)
    }

    func leave(_ socket: Socket, _ room: String) {
        index.remove(socket, from: room)
    }

    /// The sockets that a message is for, each once, in no order. A socket's own id is a room that it alone is in.
    func sockets(for targets: BroadcastTargets) -> ContiguousArray<Socket> {
        var found: ContiguousArray<Socket>
        switch targets.rooms.count {
        case 0: found = sockets
        case 1: found = sockets(in: targets.rooms[0])
        default:
            var seen: Set<ObjectIdentifier> = []
            found = []
            for room in targets.rooms {
                for socket in sockets(in: room) where seen.insert(ObjectIdentifier(socket)).inserted {
                    found.append(socket)
                }
            }
        }
        if !targets.except.isEmpty {
            found.removeAll { socket in
                targets.except.contains { socket.rooms.contains($0) || socket.id.string == $0 }
            }
        }
        return found
    }

    private func sockets(in room: String) -> ContiguousArray<Socket> {
        var found = index.sockets(in: room)
        if let own = socketOfID[SocketID(room)], !own.rooms.contains(room) {
            found.append(own)
        }
        return found
    }

    // MARK: Events

    /// Handles an event, or puts it into its socket's mailbox while an earlier one is handled.
    ///
    /// Who does not read the answers is not served further: its events wait until it does.
    func received(_ event: SocketEvent, on socket: Socket) {
        hub.counters.events.increment()
        guard handler.admits(event, on: socket) else { return }
        if !socket.isHandling, socket.mailbox.isEmpty, socket.connection.isWritable {
            return start(with: event, on: socket)
        }
        guard socket.mailbox.count < hub.configuration.mailboxLimit else {
            socket.connection.close(.forcedClose)
            return
        }
        socket.mailbox.append(event)
    }

    /// The client reads again.
    func resume(_ socket: Socket) {
        if !socket.missedRooms.isEmpty {
            let missed = socket.missedRooms
            socket.missedRooms = []
            handler.drained(socket, missed: missed)
        }
        if !socket.isHandling, socket.connection.isWritable, let event = socket.mailbox.popFirst() {
            start(with: event, on: socket)
        }
    }

    /// A task handles a socket's events in order for as long as there are some.
    private func start(with event: SocketEvent, on socket: Socket) {
        socket.isHandling = true
        let bound = NIOLoopBound((hub: self, socket: socket), eventLoop: hub.loop.eventLoop)
        let taken = hub.loop.spawn { _ in
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
            do throws(JSONError) {
                try await handler.handle(event, on: socket)
            } catch {
                socket.connection.close(.parseError)
            }
            next = socket.connection.isWritable ? socket.mailbox.popFirst() : nil
        }
        socket.isHandling = false
        if socket.mailbox.isEmpty {
            socket.mailbox = Deque()  // an idle socket holds no storage
        }
    }

    // MARK: Broadcasts

    /// Gives the same bytes to every socket of a room. Who does not keep up is left out, and its handler told once it does
    /// (``SocketHandler/drained(_:missed:)``).
    ///
    /// - Parameter completion: held on to until the flush at the end of the loop's turn, which sends what all broadcasts
    ///   of the turn have for a socket. Whoever waits for it has no others in this turn: where nothing is before the
    ///   message, it is sent at once.
    func broadcastVolatile(
        _ message: EncodedMessage, to room: String, except: SocketID?, completion: BroadcastCompletion?
    ) {
        guard let members = index.members(of: room) else { return }
        let message = message.ownCopy()
        var queued = 0
        let queue = { (socket: Socket) in
            if socket.connection.isWritable {
                socket.connection.send(message)
                queued += 1
            } else {
                socket.missedRooms.insert(room)
            }
        }
        var sent = 0
        if completion != nil, except == nil {
            sent = hub.loop.shortWays.send(message, to: members.shortWays) { queue(members.sockets[$0]) }
        } else {
            for socket in members.sockets where socket.id != except { queue(socket) }
        }
        if queued > 0, let completion { hub.loop.keepUntilFlushed(completion) }
        hub.counters.deliveries.increment(by: sent + queued)
    }

    func broadcast(_ message: EncodedMessage, to targets: BroadcastTargets, isVolatile: Bool = false) {
        let message = message.ownCopy()
        var delivered = 0
        for socket in sockets(for: targets) where !isVolatile || socket.connection.isWritable {
            socket.connection.send(message)
            delivered += 1
        }
        hub.counters.deliveries.increment(by: delivered)
    }

    /// Sends one packet to all, and gathers what they answer until the time is over.
    func broadcastWithAck(
        _ array: JSONBytes, attachments: [ByteBuffer], to targets: BroadcastTargets, timeout: Duration
    ) -> EventLoopFuture<BroadcastAnswers> {
        let receivers = sockets(for: targets)
        let promise = hub.loop.eventLoop.makePromise(of: BroadcastAnswers.self)
        guard !receivers.isEmpty else {
            promise.succeed(BroadcastAnswers())
            return promise.futureResult
        }
        let id = hub.nextAcknowledgementID()
        let message = EncodedMessage(namespace: name, array: array, attachments: attachments, acknowledgementID: id)
        let gathering = AnswerGathering(waiting: receivers.count, promise: promise)
        let bound = NIOLoopBound((gathering: gathering, receivers: receivers), eventLoop: hub.loop.eventLoop)
        gathering.timer = hub.loop.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            for socket in bound.value.receivers { socket.resume(id, with: nil) }
        }
        for socket in receivers {
            socket.connection.send(message)
            socket.wait(for: id) { gathering.answered($0) }
        }
        hub.counters.deliveries.increment(by: receivers.count)
        return promise.futureResult
    }
}

/// Gathers the answers to one broadcast on one event loop. Confined to its event loop.
private final class AnswerGathering {
    private var waiting: Int
    private var answers = BroadcastAnswers()
    private let promise: EventLoopPromise<BroadcastAnswers>
    var timer: Scheduled<Void>?

    init(waiting: Int, promise: EventLoopPromise<BroadcastAnswers>) {
        self.waiting = waiting
        self.promise = promise
    }

    /// - Parameter payload: `nil` when none came in time, or the socket is gone.
    func answered(_ payload: EventPayload?) {
        if let payload { answers.payloads.append(payload) } else { answers.missing += 1 }
        waiting -= 1
        if waiting == 0 {
            timer?.cancel()
            timer = nil
            promise.succeed(answers)
        }
    }
}
