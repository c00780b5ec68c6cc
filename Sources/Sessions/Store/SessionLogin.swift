/// A login whose password was verified, on its way into a record.
public struct SessionLogin: Sendable {
    /// What the caller may change: a record that it holds with full rights.
    public struct Place: Sendable {
        let handle: SessionHandle
        let secret: SecretDigest?
        let generation: Int

        /// - Parameters:
        ///   - handle: the record's name.
        ///   - generation: its generation as the caller knows it.
        ///   - secret: the digest of the credential that it came with. nil only for a socket that was itself logged in
        ///     with this record and was told this generation at the logout: its secret may have been claimed elsewhere.
        public init(handle: SessionHandle, generation: Int, secret: SecretDigest?) {
            self.handle = handle
            self.generation = generation
            self.secret = secret
        }
    }

    /// How the new secret reaches the client.
    public enum Delivery: Sendable {
        /// By a ticket that the browser exchanges for the cookie: cookie mode on a socket.
        case ticket
        /// With the answer: token mode, login over HTTP.
        case atOnce
    }

    let place: Place?
    let user: SessionUser
    let userGeneration: Int
    let delivery: Delivery
    let client: String
    let address: String

    /// - Parameters:
    ///   - place: the record to log in to; nil for an alias, a dead record or none: the login makes a new one.
    ///   - user: whose password it was.
    ///   - userGeneration: from `SessionStore.userGeneration(of:)`, read **before** the password was verified.
    ///   - delivery: how the new secret reaches the client.
    ///   - client: what the client calls itself, for lists; cut to 256 bytes.
    ///   - address: where it comes from, for lists; cut to 64 bytes.
    public init(
        place: Place?, user: SessionUser, userGeneration: Int, delivery: Delivery, client: String, address: String
    ) {
        self.place = place
        self.user = user
        self.userGeneration = userGeneration
        self.delivery = delivery
        self.client = client.cut(toBytes: 256)
        self.address = address.cut(toBytes: 64)
    }
}

/// What a login gave.
public enum SessionLoginResult: Sendable {
    case loggedIn(LoggedIn)
    /// The user's sessions were ended, or the user was removed, while the password was verified.
    case refused

    /// A session that is a player's now.
    public struct LoggedIn: Sendable {
        /// What the socket remembers.
        public let loginGuard: SessionGuard
        /// The absolute end, in ms since 1970 by Redis's clock.
        public let expires: Int
        /// Whether it is the record that the caller had; false when a new one was made.
        public let isInPlace: Bool
        /// What goes to the client.
        public let proof: Proof
    }

    /// What the client gets of a login.
    public enum Proof: Sendable {
        /// To be claimed within 60 s.
        case ticket(Ticket)
        /// The new secret, to be issued as a player's credential.
        case secret(Secret)
    }
}

/// What a claim gave.
public enum SessionClaim: Sendable {
    /// The new secret, to be issued as a player's credential.
    ///
    /// - Parameter expires: the absolute end, in ms since 1970 by Redis's clock.
    case claimed(SessionGuard, name: String, secret: Secret, expires: Int)
    /// The ticket was used, is too old, or its login is gone.
    case refused
    /// The request carried another session that is logged in. The ticket is not spent.
    case otherSession
}

extension String {
    /// The longest prefix of whole characters (scalars) that has at most so many bytes of UTF-8.
    func cut(toBytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        var end = self.startIndex
        var count = 0
        for index in self.unicodeScalars.indices {
            count += UTF8.width(self.unicodeScalars[index])
            if count > limit { break }
            end = self.unicodeScalars.index(after: index)
        }
        return String(self[..<end])
    }
}
