extension SQLiteAccountStore {
    /// Which file, and how long to wait for it.
    public struct Configuration: Sendable {
        /// The file. It is made, with its folder, when it is not there.
        public var path: String

        /// How long an operation waits for another process that writes. Default: 1 s.
        public var busyTimeout: Duration = .seconds(1)

        /// How long opening waits for another process that opens the file, and may be making or migrating it.
        /// Default: 5 s.
        public var openTimeout: Duration = .seconds(5)

        /// How many writes may wait for their turn; above: `unavailable` at once. Default: 64.
        public var maximumWaitingWrites: Int = 64

        /// The most bytes that the file may grow to, so that visitors who register cannot fill the disk.
        /// Default: 4 GiB.
        public var maximumBytes: Int = 4 << 30

        public init(path: String) {
            self.path = path
        }

        /// Reads `sqlite:PATH`.
        ///
        /// - Throws: `invalidStore` when it is anything else.
        public init(url: String) throws(AccountsError) {
            let scheme = "sqlite:"
            guard url.hasPrefix(scheme), url.utf8.count > scheme.utf8.count, !url.utf8.contains(0) else {
                // The address of another kind of store may have a password in it.
                let found = url.split(separator: ":").first.map { $0.count <= 16 ? " \($0):…" : "" } ?? ""
                throw AccountsError(
                    .invalidStore,
                    "the accounts address\(found) is not supported by this version; expected is sqlite:PATH")
            }
            self.path = String(url.dropFirst(scheme.count))
        }
    }
}
