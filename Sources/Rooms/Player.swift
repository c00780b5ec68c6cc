/// Who acts.
public struct Player: Sendable, Hashable {
    public let userID: String
    public let name: String

    public init(userID: String, name: String) {
        self.userID = userID
        self.name = name
    }
}

/// What a socket remembers of its session; an act is applied only while the session's record says the same.
public struct SessionGuard: Sendable, Hashable {
    /// Names the record.
    public let handle: String
    /// Raised by every login, logout and revocation of the record.
    public let generation: Int
    public let userID: String

    public init(handle: String, generation: Int, userID: String) {
        self.handle = handle
        self.generation = generation
        self.userID = userID
    }
}
