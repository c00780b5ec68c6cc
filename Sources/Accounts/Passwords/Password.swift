/// A password that somebody gave, as the bytes of its UTF-8: nothing is normalised, trimmed or cut off.
struct Password: Sendable {
    /// The fewest bytes of a new password.
    static let minimumBytes = 8
    /// The most bytes of any password: what is longer is refused before it costs anything.
    static let maximumBytes = 256

    let bytes: [UInt8]

    /// A password to be checked. `nil` when it is longer than any password can be.
    init?(given password: String) {
        guard password.utf8.count <= Self.maximumBytes else { return nil }
        self.bytes = Array(password.utf8)
    }

    /// A password to be set.
    ///
    /// - Throws: `weakPassword`.
    init(new password: String) throws(AccountsError) {
        let count = password.utf8.count
        guard count >= Self.minimumBytes, count <= Self.maximumBytes else {
            throw AccountsError(
                .weakPassword,
                """
                the password has \(count) bytes; expected are \(Self.minimumBytes) to \(Self.maximumBytes); choose a \
                \(count < Self.minimumBytes ? "longer" : "shorter") one
                """)
        }
        self.bytes = Array(password.utf8)
    }
}
