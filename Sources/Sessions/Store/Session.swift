/// Who is logged in.
public struct SessionUser: Sendable, Hashable {
    /// The account's id, or that of an identity provider's user.
    public let id: String
    /// The name that is shown.
    public let name: String

    /// - Parameters:
    ///   - id: the user's id, not empty.
    ///   - name: as it is shown.
    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// What a player's socket remembers of its login, and every check compares with the record: an act, a logout.
public struct SessionGuard: Sendable, Hashable {
    /// The record's name.
    public let handle: SessionHandle
    /// The record's generation: raised by every login, logout and revocation.
    public let generation: Int
    /// Who is logged in.
    public let userID: String

    /// - Parameters:
    ///   - handle: the record's name.
    ///   - generation: the record's generation.
    ///   - userID: who is logged in.
    public init(handle: SessionHandle, generation: Int, userID: String) {
        self.handle = handle
        self.generation = generation
        self.userID = userID
    }
}

/// A session as a genuine credential opens it.
public struct Session: Sendable, Equatable {
    /// What the credential may do.
    public enum Rights: Sendable, Equatable {
        /// The record's current secret: everything.
        case full
        /// The secret from before the login: watches, as a guest in everything. `user` is nil, whoever is logged in.
        case alias
    }

    /// The record's name.
    public let handle: SessionHandle
    /// What the credential may do with it.
    public let rights: Rights
    /// Who is logged in; nil for a guest, and always for an alias.
    public let user: SessionUser?
    /// The record's generation.
    public let generation: Int
    /// The absolute end, in ms since 1970 by Redis's clock.
    public let expires: Int
    /// When it was last in use, in ms since 1970 by Redis's clock.
    public let seen: Int
    /// Redis's clock at the answer, in ms since 1970.
    public let now: Int
    /// Whose login this session had last, also after the logout; nil when nobody's, and for an alias.
    public let lastLogin: LastLogin?
    /// Whether opening it made the record.
    public let isNew: Bool
    /// How many sockets of this kind the session has with the one that opened it; more than there are where a node died.
    /// 0 when it was only looked up.
    public let sockets: Int

    /// Whether it is a player's.
    public var isLoggedIn: Bool { self.user != nil }

    /// What a player's socket remembers; nil for a watcher.
    public var loginGuard: SessionGuard? {
        self.user.map { SessionGuard(handle: self.handle, generation: self.generation, userID: $0.id) }
    }

    /// What is left of the absolute life.
    public var remaining: Duration { .milliseconds(max(0, self.expires - self.now)) }
}

/// What opening a session at CONNECT gave.
public enum SessionOpening: Sendable, Equatable {
    /// The session; its record exists.
    case opened(Session)
    /// The credential is worth nothing: a fresh guest takes its place.
    ///
    /// - Parameter replacedLately: whether the record's secret was changed within the last minute. Then an answer to a
    ///   request that carried this credential sets no cookie, which would undo the change.
    case dead(replacedLately: Bool)
}

/// What a credential is worth to a request without a socket.
public enum SessionLookup: Sendable, Equatable {
    /// The session; its record exists.
    case found(Session)
    /// A good guest's credential whose record is made by its first CONNECT: nobody is logged in, and it is kept.
    case unrecorded
    /// As `SessionOpening.dead`.
    case dead(replacedLately: Bool)
}
