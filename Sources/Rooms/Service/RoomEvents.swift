import NIOCore
public import Sessions
public import SocketIO

/// The room events of a socket: `join`, `leave`, `act`, `cast`. What it may do is decided by its session.
///
/// A socket is in such a room by `join` alone: one that is put into the Socket.IO room of that name otherwise is not told
/// what happens there.
public struct RoomEvents: Sendable {
    private let rooms: Rooms
    private let sessions: SessionService
    private let roomsPerSocket: Int

    /// - Parameter roomsPerSocket: how many rooms one socket may be in at once.
    public init(rooms: Rooms, sessions: SessionService, roomsPerSocket: Int) {
        self.rooms = rooms
        self.sessions = sessions
        self.roomsPerSocket = roomsPerSocket
    }

    /// Does what one event asks for.
    ///
    /// - Parameter answer: called once, on the socket's event loop, unless this throws or returns `false`.
    /// - Returns: Whether the event is one of a room's.
    public nonisolated(nonsending) func handle(
        _ name: String, _ body: JSONBytes, on socket: Socket, answer: @escaping (Reply) -> Void
    ) async throws(RequestFailure) -> Bool {
        switch name {
        case "join": try await join(body, on: socket, answer)
        case "leave": answer(try leave(body, on: socket))
        case "act": answer(try await act(body, on: socket))
        case "cast": answer(try await cast(body, on: socket))
        default: return false
        }
        return true
    }

    /// A slow client keeps up again: one snapshot instead of what it missed.
    public func resend(_ missed: Set<String>, to socket: Socket) {
        for name in missed {
            if let room = RoomName(name) {
                let send = Self.inOrder(socket) { (state: JSONBytes, presence: JSONBytes) in
                    guard socket.isIn(name) else { return }
                    socket.emit("state", state)
                    socket.emit("presence", presence)
                }
                rooms.sendSnapshot(of: room) { send(($0, $1)) }
            }
        }
    }

    /// The socket is gone.
    public func left(_ names: Set<String>, by socket: Socket) {
        let member = member(socket)
        for name in names {
            if let room = RoomName(name) { rooms.leave(room, as: member, on: socket.eventLoop, .lost) }
        }
    }

    /// Somebody else is logged in on the socket, or nobody any more.
    package func userChanged(on socket: Socket, from former: SessionUser?) {
        let (former, member) = (Self.member(former), member(socket))
        for name in socket.rooms {
            if let room = RoomName(name) { rooms.change(room, from: former, to: member) }
        }
    }

    private func member(_ socket: Socket) -> RoomMember {
        Self.member(sessions.user(of: socket))
    }

    private static func member(_ user: SessionUser?) -> RoomMember {
        user.map { .player(Player(userID: $0.id, name: $0.name)) } ?? .watcher
    }

    // MARK: Events

    private nonisolated(nonsending) func join(
        _ body: JSONBytes, on socket: Socket, _ answer: @escaping (Reply) -> Void
    ) async throws(RequestFailure) {
        let room = try Self.room(body)
        let since = try Self.position(body)
        let wasIn = socket.isIn(room.string)
        if !wasIn, socket.roomCount >= roomsPerSocket {
            throw RequestFailure(
                .rateLimited, "a socket may be in \(roomsPerSocket) rooms; leave one before joining another")
        }
        do throws(RoomError) {
            if wasIn {
                try await rooms.answer(room, since: since, handOver: Self.inOrder(socket) { answer(Self.reply($0)) })
                return
            }
            let entered = member(socket)
            let handOver = Self.inOrder(socket) { (joined: JoinAnswer) in
                socket.join(room.string)
                if !socket.isIn(room.string) {
                    rooms.leave(room, as: entered, on: socket.eventLoop, .lost)  // it disconnected meanwhile
                } else if member(socket) != entered {
                    rooms.change(room, from: entered, to: member(socket))
                }
                answer(Self.reply(joined))
            }
            try await rooms.enter(room, since: since, as: entered, on: socket.eventLoop, handOver: handOver)
        } catch {
            throw Self.failure(error)
        }
    }

    private func leave(_ body: JSONBytes, on socket: Socket) throws(RequestFailure) -> Reply {
        let room = try Self.room(body)
        if socket.isIn(room.string) {
            socket.leave(room.string)
            rooms.leave(room, as: member(socket), on: socket.eventLoop, .left)
        }
        return Reply()
    }

    private nonisolated(nonsending) func act(_ body: JSONBytes, on socket: Socket) async throws(RequestFailure) -> Reply
    {
        let room = try Self.room(body)
        guard let id = body["id"]?.string.flatMap(ActID.init) else {
            throw RequestFailure(.badRequest, "id: 1 to 64 printable ASCII characters are expected")
        }
        guard let action = body["action"], action.kind == .object else {
            throw RequestFailure(.badRequest, "action: an object is expected")
        }
        let (player, sessionGuard) = try sessions.player(of: socket)
        try Self.requireJoined(room, socket)
        let result = await rooms.act(
            room, id: id, action: action, by: Player(userID: player.id, name: player.name),
            guard: .init(
                handle: sessionGuard.handle.description, generation: sessionGuard.generation,
                userID: sessionGuard.userID))
        switch result {
        case .applied(let version):
            return Reply { $0.member("version", int: version) }
        case .refused(let refusal):
            throw RequestFailure(ErrorCode(rawValue: refusal.code.rawValue) ?? .rejected, refusal.message)
        case .tooManyRooms(let retryAfter):
            throw RequestFailure(
                .rateLimited,
                "a user may begin \(rooms.limits.newRoomsPerHour) rooms in an hour; act in one that there is, or after"
                    + " retryAfter",
                retryAfter: retryAfter)
        case .sessionEnded:
            await sessions.verify(socket)
            throw RequestFailure(.loginRequired, "the session is not logged in any more; log in to act")
        case .unavailable(let message):
            throw RequestFailure(.unavailable, message, retryAfter: .seconds(1))
        }
    }

    private nonisolated(nonsending) func cast(_ body: JSONBytes, on socket: Socket) async throws(RequestFailure)
        -> Reply
    {
        let room = try Self.room(body)
        guard let data = body["data"] else {
            throw RequestFailure(.badRequest, "data: any JSON value is expected")
        }
        let (player, _) = try sessions.player(of: socket)
        try Self.requireJoined(room, socket)
        do throws(RoomError) {
            try await rooms.cast(
                room, data: data, by: Player(userID: player.id, name: player.name), socketID: socket.id.string)
        } catch {
            throw Self.failure(error)
        }
        return Reply()
    }

    // MARK: Answers

    /// Takes what a room hands over to the socket's event loop as its broadcasts go there: no patch is missed in between,
    /// and none is told that the answer includes.
    private static func inOrder<Told: Sendable>(
        _ socket: Socket, _ body: @escaping (Told) -> Void
    ) -> @Sendable (Told) -> Void {
        let eventLoop = socket.eventLoop
        let bound = NIOLoopBound(body, eventLoop: eventLoop)
        return { told in
            if eventLoop.inEventLoop {
                bound.value(told)
            } else {
                eventLoop.execute { bound.value(told) }
            }
        }
    }

    /// The answer to a join, and then who is here.
    private static func reply(_ answer: JoinAnswer) -> Reply {
        var reply = Reply(members: answer.body)
        reply.event = answer.presence.map { ("presence", $0) }
        return reply
    }

    // MARK: Reading

    private static func room(_ body: JSONBytes) throws(RequestFailure) -> RoomName {
        guard let room = body["room"]?.string.flatMap(RoomName.init) else {
            throw RequestFailure(.badRequest, "room: 1 to 64 characters of A-Z a-z 0-9 . _ : - are expected")
        }
        return room
    }

    private static func position(_ body: JSONBytes) throws(RequestFailure) -> RoomPosition? {
        guard let since = body["since"], !since.isNull else { return nil }
        guard let epoch = since["epoch"]?.string, let version = since["version"]?.int, version >= 0 else {
            throw RequestFailure(.badRequest, "since: {epoch, version} as the last state or patch told is expected")
        }
        return RoomPosition(epoch: epoch, version: version)
    }

    private static func requireJoined(_ room: RoomName, _ socket: Socket) throws(RequestFailure) {
        guard socket.isIn(room.string) else {
            throw RequestFailure(.notJoined, "join the room \(room.string) before acting in it")
        }
    }

    private static func failure(_ error: RoomError) -> RequestFailure {
        RequestFailure(
            ErrorCode(rawValue: error.code.rawValue) ?? .internal, error.message,
            retryAfter: error.code == .unavailable ? .seconds(1) : nil)
    }
}
