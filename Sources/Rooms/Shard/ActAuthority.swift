/// By what right something is written to a room; the commit script checks it.
enum ActAuthority: Sendable, Hashable {
    /// A player, as long as its session is logged in as its socket remembers it.
    case session(SessionGuard)
    /// The room's clock, as long as its lease is this node's.
    case lease(token: String)
    /// A backend, which the admin listener has let in, by the name that it gives itself.
    case backend(BackendLabel?)

    /// Whose act it is, for the ring of remembered ids and for the log; empty for a backend's and a tick's.
    var userID: String {
        switch self {
        case .session(let session): session.userID
        case .lease, .backend: ""
        }
    }
}
