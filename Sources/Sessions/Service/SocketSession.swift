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
    private var sockets: [SessionHandle: [ObjectIdentifier: Socket]] = [:]

    func insert(_ socket: Socket, under handle: SessionHandle) {
        sockets[handle, default: [:]][ObjectIdentifier(socket)] = socket
    }

    func remove(_ socket: Socket, under handle: SessionHandle) {
        sockets[handle]?.removeValue(forKey: ObjectIdentifier(socket))
        if sockets[handle]?.isEmpty == true {
            sockets.removeValue(forKey: handle)
        }
    }

    func sockets(of handle: SessionHandle) -> [Socket] {
        sockets[handle].map { Array($0.values) } ?? []
    }

    /// The sessions that are in use here, whether somebody with full rights uses them, and the latest generation that is
    /// known of them.
    var touches: [(touch: SessionTouch, generation: Int)] {
        sockets.map { handle, sockets in
            let identities = sockets.values.compactMap { $0.session?.identity }
            return (
                SessionTouch(handle, slides: identities.contains { !$0.isAlias && !$0.isSuperseded }),
                identities.map(\.generation).max() ?? 0
            )
        }
    }
}
