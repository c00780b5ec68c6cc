import EngineIO
import NIOCore
import SocketIO

/// Who a socket is. Confined to the socket's event loop.
package final class SocketSession {
    /// The record that the socket belongs to, with what it knows of it.
    struct Identity {
        let handle: SessionHandle
        var generation: Int
        /// The digest of the secret that it came with; `nil` when its secret was changed by its own login.
        var secret: SecretDigest?
        /// Whether it holds only the secret from before a login.
        var isAlias: Bool
        /// Whether somebody logged in to the record by another socket, and has not claimed it yet.
        var isSuperseded = false
        /// The absolute end, in ms since 1970 by Redis's clock.
        var expires: Int
    }

    /// How the client carries its credential.
    enum Mode: Equatable {
        case cookie
        case token
    }

    let mode: Mode
    let visitor: Visitor
    /// `nil` once the record is gone.
    var identity: Identity?
    /// Who is logged in; `nil` for a watcher.
    var user: SessionUser?
    /// Told with the first `session` event, in token mode.
    var firstToken: String?
    /// Whose login this session had last: known places have counters of their own for failed logins.
    var lastLogin: LastLogin?
    var bucket: TokenBucket
    /// Its place among the sockets of its session.
    var seat: SessionSeats.Seat?

    init(mode: Mode, visitor: Visitor, bucket: TokenBucket) {
        self.mode = mode
        self.visitor = visitor
        self.bucket = bucket
    }

    /// What every act and logout compares with the record; `nil` for a watcher.
    var loginGuard: SessionGuard? {
        guard let identity, let user else { return nil }
        return SessionGuard(handle: identity.handle, generation: identity.generation, userID: user.id)
    }

    /// The record that a login may change; `nil` where it has to make a new one.
    var place: SessionLogin.Place? {
        guard let identity, !identity.isAlias, user == nil else { return nil }
        return SessionLogin.Place(
            handle: identity.handle, generation: identity.generation, secret: identity.secret)
    }
}

/// Why a socket hears who it is (the `session` event).
package enum SessionReason: String, Sendable {
    case connect
    case login
    case logout
    case revoked
    case expired
    case replaced
    case refresh
    case unavailable
}

extension Socket {
    /// The socket's session; there from its CONNECT on.
    var session: SocketSession? {
        storage as? SocketSession
    }
}

/// Which sockets of one event loop belong to which session. Confined to its event loop.
final class SessionIndex {
    /// The sockets of one session; most have one, and need no storage for more.
    private struct Members {
        var first: Socket
        var others: [Socket] = []

        mutating func insert(_ socket: Socket) {
            guard first !== socket, !others.contains(where: { $0 === socket }) else { return }
            others.append(socket)
        }

        /// - Returns: Whether none is left.
        mutating func remove(_ socket: Socket) -> Bool {
            if first !== socket {
                others.removeAll { $0 === socket }
            } else if let last = others.popLast() {
                first = last
            } else {
                return true
            }
            return false
        }
    }

    private var sessions: [SessionHandle: Members] = [:]

    func insert(_ socket: Socket, under handle: SessionHandle) {
        if sessions[handle]?.insert(socket) == nil {
            sessions[handle] = Members(first: socket)
        }
    }

    func remove(_ socket: Socket, under handle: SessionHandle) {
        if sessions[handle]?.remove(socket) == true {
            sessions.removeValue(forKey: handle)
        }
    }

    func sockets(of handle: SessionHandle) -> [Socket] {
        sessions[handle].map { [$0.first] + $0.others } ?? []
    }

    /// The sessions that are in use here, whether somebody with full rights uses them, and the latest generation that is
    /// known of them. Where sockets know different things, the whole answer is wanted.
    var touches: [(touch: SessionTouch, generation: Int)] {
        sessions.map { handle, members in
            var slides = false
            var latest = 0
            var known: SessionTouch.Known?
            var isOne = true
            func look(at socket: Socket) {
                guard let session = socket.session, let identity = session.identity else { return }
                slides = slides || !identity.isAlias && !identity.isSuperseded
                latest = max(latest, identity.generation)
                let own = SessionTouch.Known(generation: identity.generation, userID: session.user?.id)
                isOne = isOne && (known ?? own) == own
                known = own
            }
            look(at: members.first)
            for socket in members.others { look(at: socket) }
            return (SessionTouch(handle, slides: slides, known: isOne ? known : nil), latest)
        }
    }
}
