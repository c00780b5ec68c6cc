/// A password that somebody gave, as the bytes of its UTF-8: nothing is normalised, trimmed or cut off.
struct Password: Sendable {
    let bytes: [UInt8]

    /// A password to be checked. `nil` when it is longer than any password can be: it is refused before it costs
    /// anything. A minimum is for new passwords only.
    init?(given password: String, bytes: ClosedRange<Int>) {
        guard password.utf8.count <= bytes.upperBound else { return nil }
        self.bytes = Array(password.utf8)
    }

    /// A password to be set.
    ///
    /// - Throws: `weakPassword`.
    init(new password: String, bytes: ClosedRange<Int>) throws(AccountsError) {
        let count = password.utf8.count
        guard bytes.contains(count) else {
            throw AccountsError(
                .weakPassword,
                """
                the password has \(count) bytes; expected are \(bytes.lowerBound) to \(bytes.upperBound); choose a \
                \(count < bytes.lowerBound ? "longer" : "shorter") one
                """)
        }
        self.bytes = Array(password.utf8)
    }
}
