/// A session's record as operators and its own player see it in lists. No secret is in it.
public struct SessionRecord: Sendable, Equatable {
    /// Its name.
    public let handle: SessionHandle
    /// Who is logged in; nil for a guest's.
    public let user: SessionUser?
    /// Raised by every login, logout and revocation.
    public let generation: Int
    /// When the record was made, in ms since 1970 by Redis's clock, as are the following.
    public let created: Int
    /// When it was last in use, to the precision of a node's sweep.
    public let seen: Int
    /// The absolute end.
    public let expires: Int
    /// What the client called itself at the login; "" when it did not.
    public let client: String
    /// Where the login came from; "" when unknown.
    public let address: String
    /// Whether the login's ticket was exchanged (or the session never needed one).
    public let isClaimed: Bool
}
