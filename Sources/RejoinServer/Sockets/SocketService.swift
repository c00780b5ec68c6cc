import CoreMetrics
import EngineIO
import Logging
import NIOCore
import Rooms
import Sessions
import SocketIO

/// Who may open a connection: whom the sessions let in.
struct SocketConnections: ConnectionHandler {
    let sessions: SessionService

    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
        sessions.authorize(handshake)
    }

    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        sessions.authorize(request, of: context)
    }
}

/// What the sockets of this node are for: sessions and rooms, behind one rate limit.
struct SocketService: SocketHandler {
    let sessions: SessionService
    let rooms: RoomEvents
    let logger: Logger
    private let requests = Counter(label: "rejoin_socket_requests_total")
    private let limited = Counter(label: "rejoin_socket_requests_limited_total")
    private let failures = Counter(label: "rejoin_socket_requests_failed_total")

    init(sessions: SessionService, rooms: RoomEvents, logger: Logger) {
        self.sessions = sessions
        self.rooms = rooms
        self.logger = logger
    }

    nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision {
        await sessions.connect(socket, auth: auth)
    }

    func connected(_ socket: Socket) {
        sessions.connected(socket)
    }

    func admits(_ event: SocketEvent, on socket: Socket) -> Bool {
        guard let wait = sessions.takeToken(of: socket) else { return true }
        limited.increment()
        answer(event, on: socket, RequestFailure(.rateLimited, sessions.messageLimitText, retryAfter: wait).json)
        return false
    }

    nonisolated(nonsending) func handle(_ event: SocketEvent, on socket: Socket) async throws(JSONError) {
        requests.increment()
        let payload = try event.payload()
        do throws(RequestFailure) {
            let body = payload.arguments.first ?? .emptyObject
            guard body.kind == .object, payload.arguments.count <= 1, payload.attachments.isEmpty else {
                throw RequestFailure(
                    .badRequest, "\(event.name): one object without binary values is expected as its argument")
            }
            let answer = { (reply: Reply) in
                socket.acknowledge(event, reply.json)
                if let event = reply.event { socket.emit(event.name, event.argument) }
            }
            if try await rooms.handle(event.name, body, on: socket, answer: answer) { return }
            if let reply = try await sessions.handle(event.name, body, on: socket) {
                answer(reply)
            } else {
                throw RequestFailure(.badRequest, "there is no event of that name; see the protocol's list of events")
            }
        } catch {
            failures.increment()
            answer(event, on: socket, error.json)
        }
    }

    func drained(_ socket: Socket, missed: Set<String>) {
        rooms.resend(missed, to: socket)
    }

    func disconnected(_ socket: Socket, rooms names: Set<String>, reason: DisconnectReason) {
        rooms.left(names, by: socket)
        sessions.disconnected(socket)
    }

    /// A failure is the acknowledgement, or the event `error` where none was asked for.
    private func answer(_ event: SocketEvent, on socket: Socket, _ json: JSONBytes) {
        if event.acknowledgementID == nil {
            socket.emit("error", json)
        } else {
            socket.acknowledge(event, json)
        }
    }
}
