import EngineIO
import NIOCore

/// Connection state recovery of one socket. Confined to its event loop.
///
/// The state is written whenever it changes; what the client is told of a change waits until it is written.
final class SocketRecovery {
    /// By which the client comes back: a secret of the client's.
    let id: String
    let owner: String
    private(set) var isRecovered = false
    private let namespace: NamespaceRecovery
    private var isScheduled = false
    private var writing = 0
    private var waiters: [() -> Void] = []
    /// What the client missed, in order; empty once it was sent.
    private var missed: [(offset: RecoveryOffset, message: RecoverableMessage)] = []
    /// What is heard while the state is on its way from the store; nil when nobody waits for it.
    private(set) var heard: [(offset: RecoveryOffset, message: RecoverableMessage)]?
    private var hasOverflown = false
    /// Up to where the log was read; what is heard of it later is there already.
    private var readUpTo: RecoveryOffset?

    init(id: String, namespace: NamespaceRecovery) {
        self.id = id
        self.owner = SocketID.random().string
        self.namespace = namespace
    }

    // MARK: Coming back

    /// From now on what the node hears is kept.
    func beginHearing() {
        heard = []
    }

    func hears(_ offset: RecoveryOffset, _ message: RecoverableMessage) {
        guard heard != nil, !isAhead(of: offset) else { return }
        if heard!.count < namespace.options.maximumMessages {
            heard!.append((offset, message))
        } else {
            hasOverflown = true
        }
    }

    /// Whether the client has this message, or will have it before anything else.
    func isAhead(of offset: RecoveryOffset) -> Bool { readUpTo.map { offset <= $0 } ?? false }

    func missedMessages() {
        hasOverflown = true
    }

    func restored(_ state: RecoveredState, on socket: Socket) {
        isRecovered = true
        socket.id = state.state.socket
        socket.rooms = Set(state.state.rooms)
        socket.data = state.state.data
        missed = state.messages
        readUpTo = state.offset
        heard?.removeAll { $0.offset <= state.offset }
    }

    /// Whether it came back without all that it missed.
    var isIncomplete: Bool { isRecovered && hasOverflown }

    /// Sends what the client missed, after the answer to its CONNECT.
    func replay(to socket: Socket) {
        let messages = missed + (heard ?? [])
        missed = []
        heard = nil
        for (offset, message) in messages where message.isFor(socket) {
            socket.connection.send(
                EncodedMessage(
                    namespace: socket.namespaceHub.name, array: message.array, attachments: message.attachments,
                    offset: offset.description))
        }
    }

    // MARK: Changes

    /// The socket's rooms or data have changed: they are written at the end of the event loop's turn.
    func changed(_ socket: Socket) {
        guard socket.state == .connected, !isScheduled else { return }
        isScheduled = true
        let bound = NIOLoopBound((recovery: self, socket: socket), eventLoop: socket.eventLoop)
        socket.eventLoop.execute {
            let (recovery, socket) = bound.value
            recovery.write(socket)
        }
    }

    private func write(_ socket: Socket) {
        isScheduled = false
        guard socket.state == .connected else { return release() }
        writing += 1
        let state = RecoverableState(
            id: id, owner: owner, socket: socket.id, rooms: Array(socket.rooms), data: socket.data)
        let eventLoop = socket.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        namespace.enqueue(.state(state)) { _ in
            // What could not be written is not there to come back to: the client finds that out itself.
            eventLoop.execute {
                bound.value.writing -= 1
                bound.value.release()
            }
        }
    }

    /// Runs something once every change so far is written.
    func afterSaving(_ body: @escaping () -> Void) {
        if isScheduled || writing > 0 {
            waiters.append(body)
        } else {
            body()
        }
    }

    private func release() {
        guard !isScheduled, writing == 0 else { return }
        let waiters = waiters
        self.waiters = []
        for waiter in waiters { waiter() }
    }

    /// Has an event logged; it comes to the socket like any broadcast.
    func emit(_ array: JSONBytes, _ attachments: [ByteBuffer], on socket: Socket) {
        let message = RecoverableMessage(
            rooms: [socket.id.string], except: [], array: array, attachments: attachments)
        let eventLoop = socket.eventLoop
        let bound = NIOLoopBound(socket, eventLoop: eventLoop)
        namespace.enqueue(.message(message)) { failure in
            guard failure != nil else { return }
            // The client must not believe that it has seen everything.
            eventLoop.execute { bound.value.disconnect(closingTransportOnly: true) }
        }
    }

    /// The socket is gone; unless it may come back, so is its state.
    func ended(_ reason: DisconnectReason) {
        heard = nil
        release()
        switch reason {
        case .connection: break
        case .serverNamespaceDisconnect, .clientNamespaceDisconnect: namespace.enqueue(.forget(id: id, owner: owner))
        }
    }

    /// What an event that is not logged carries, so that its last argument is not taken for an offset.
    func latestOffset(for socket: Socket) -> String? {
        guard let lastHeard = socket.namespaceHub.lastHeard else { return readUpTo?.description }
        return max(lastHeard, readUpTo ?? lastHeard).description
    }
}

extension RecoverableMessage {
    fileprivate func isFor(_ socket: Socket) -> Bool {
        func isIn(_ room: String) -> Bool { socket.rooms.contains(room) || socket.id.string == room }
        return (rooms.isEmpty || rooms.contains(where: isIn)) && !except.contains(where: isIn)
    }
}
