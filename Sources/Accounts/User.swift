/// Who somebody is, once their name and password were right.
public struct User: Sendable, Hashable {
    /// 96 random bits in base64url: safe in Redis keys and in field names. It stays the same for the account's whole
    /// life, and is never given out again.
    public let id: String
    /// The name, as it was written when the account was made.
    public let name: String

    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}
