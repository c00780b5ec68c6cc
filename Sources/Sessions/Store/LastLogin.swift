/// Whose login a session had last, also after the logout, and at which generation of the user: once all of the user's
/// sessions were ended (another password, "everywhere"), who was there before is a stranger.
public struct LastLogin: Sendable, Hashable {
    /// The user.
    public let userID: String
    /// The user's generation at that login.
    public let userGeneration: Int

    /// - Parameters:
    ///   - userID: the user.
    ///   - userGeneration: the user's generation at that login.
    public init(userID: String, userGeneration: Int) {
        self.userID = userID
        self.userGeneration = userGeneration
    }

    /// Reads a record's field: `GENERATION:ID`.
    ///
    /// - Returns: `nil` for anything else; nobody was logged in there then.
    init?(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), let generation = Int(text[..<colon]) else {
            return nil
        }
        self.init(userID: String(text[text.utf8.index(after: colon)...]), userGeneration: generation)
    }
}
