import Sessions

/// A session as operators see it, in a command's output and in the admin API. Nothing of it is secret.
public struct SessionSummary: Sendable, Encodable {
    /// Who is logged in.
    public struct User: Sendable, Encodable {
        /// The account's id, or the id that an identity provider gave.
        public let id: String
        public let name: String
    }

    /// Its name.
    public let handle: String
    /// Whether somebody is logged in: a player's session; else a guest's.
    public let login: Bool
    /// Who is logged in; `nil` for a guest's.
    public let user: User?
    /// When its record was made, in ms since 1970, as are the following.
    public let created: Int
    /// When it was last in use, to the precision of a node's sweep.
    public let seen: Int
    /// The absolute end.
    public let expires: Int
    /// What the client called itself at the login; "" when it did not, and for a guest that never logged in.
    public let client: String
    /// Where the login came from; "" when unknown.
    public let address: String

    init(_ record: SessionRecord) {
        handle = record.handle.description
        login = record.user != nil
        user = record.user.map { User(id: $0.id, name: $0.name) }
        created = record.created
        seen = record.seen
        expires = record.expires
        client = record.client
        address = record.address
    }

    private enum CodingKeys: CodingKey {
        case handle, login, user, created, seen, expires, client, address
    }

    /// With `"user":null` for a guest's.
    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(handle, forKey: .handle)
        try members.encode(login, forKey: .login)
        try members.encode(user, forKey: .user)
        try members.encode(created, forKey: .created)
        try members.encode(seen, forKey: .seen)
        try members.encode(expires, forKey: .expires)
        try members.encode(client, forKey: .client)
        try members.encode(address, forKey: .address)
    }
}
