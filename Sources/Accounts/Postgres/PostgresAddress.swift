import CPostgres

/// Where a PostgreSQL database is: a URL as libpq reads it, `postgres://[USER[:PASSWORD]@]HOST[:PORT][,…]/DATABASE[?…]`
/// (PostgreSQL 34.1.1.2, "Connection URIs").
///
/// What the URL does not say, libpq takes from its own environment (`PGUSER`, `~/.pgpass`, …). TLS is libpq's too:
/// `sslmode=verify-full` checks the server's certificate and its name, the default `prefer` checks nothing. The URL has
/// a password in it: neither descriptions nor errors ever show more than host, port and database.
public struct PostgresAddress: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// One of the servers that a URL names; `nil` where libpq's default counts.
    struct Server: Sendable, Equatable {
        var host: String?
        var hostAddress: String?
        var port: String?
    }

    let url: String
    /// In the order in which they are tried; one without anything when the URL names none or one.
    let servers: [Server]
    /// `connect_timeout` of the URL.
    let connectTimeout: Duration?
    /// What must not be in a message.
    private let secrets: [String]
    public let description: String

    public var debugDescription: String { self.description }
    public var customMirror: Mirror { Mirror(self, children: ["address": self.description]) }

    /// Whether a text is meant to be such an address.
    public static func isAddress(_ url: String) -> Bool {
        url.hasPrefix("postgres://") || url.hasPrefix("postgresql://")
    }

    /// Loads libpq, which nothing else does: whatever calls it has an address.
    ///
    /// - Throws: `invalidStore`. The message has nothing of the URL in it: a character that is not escaped may have
    ///   made a part of the password anything else.
    public init(_ url: String) throws(AccountsError) {
        if let problem = CPostgres_load() {
            throw AccountsError(
                .invalidStore,
                """
                accounts in PostgreSQL need its client library libpq, Debian's package libpq5, and it cannot be \
                loaded: \(String(cString: problem))
                """)
        }
        guard Self.isAddress(url), !url.utf8.contains(0), Self.hasPlainAuthority(url), let options = Self.options(url)
        else { throw Self.malformed }
        let hosts = Self.list(options["host"])
        let addresses = Self.list(options["hostaddr"])
        let ports = Self.list(options["port"])
        guard hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count,
            ports.count <= 1 || ports.count == max(hosts.count, addresses.count),
            ports.allSatisfy({ $0.isEmpty || UInt16($0) != nil })
        else { throw Self.malformed }
        let count = max(hosts.count, addresses.count)
        self.servers =
            count < 2
            ? [Server()]
            : (0..<count).map { index in
                Server(
                    host: hosts.isEmpty ? nil : hosts[index], hostAddress: addresses.isEmpty ? nil : addresses[index],
                    port: ports.isEmpty ? nil : ports[ports.count == 1 ? 0 : index])
            }
        self.connectTimeout = options["connect_timeout"].flatMap(Int.init).flatMap { $0 > 0 ? .seconds($0) : nil }
        self.url = url
        self.secrets = ["password", "sslpassword"].compactMap { options[$0] }.filter { !$0.isEmpty }
        let names = hosts.isEmpty ? addresses : hosts
        let places = names.enumerated().map { index, name in
            let port = ports.isEmpty ? "" : ports[ports.count == 1 ? 0 : index]
            return port.isEmpty ? name : "\(name):\(port)"
        }
        self.description = "postgres://\(places.joined(separator: ","))/\(options["dbname"] ?? "")"
    }

    /// A message of libpq or of the server as one line, without what is secret.
    func redact(_ message: String) -> String {
        var text = message
        for secret in self.secrets {
            text = text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
        }
        let scalars = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
        let words = String(String.UnicodeScalarView(scalars)).split(separator: " ").joined(separator: " ")
        return words.count <= 300 ? words : words.prefix(300) + "…"
    }

    /// Whether the one `@` that there may be ends the user and the password: a second one, or one after a `/`, `?` or
    /// `#`, is most likely a password that was not escaped.
    private static func hasPlainAuthority(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return false }
        let rest = url[start...]
        let authority = rest.prefix { !"/?#".contains($0) }
        return rest.utf8.count { $0 == UInt8(ascii: "@") } == authority.utf8.count { $0 == UInt8(ascii: "@") }
            && authority.utf8.count { $0 == UInt8(ascii: "@") } <= 1
    }

    /// What the URL sets, by libpq's keywords; `nil` when libpq cannot read it.
    private static func options(_ url: String) -> [String: String]? {
        guard let first = PQconninfoParse(url, nil) else { return nil }
        defer { PQconninfoFree(first) }
        var options: [String: String] = [:]
        var option = first
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return options
    }

    private static func list(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static var malformed: AccountsError {
        AccountsError(
            .invalidStore,
            """
            the accounts address is not one of PostgreSQL; expected is \
            postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE; in user, password and options write what is not a \
            letter or digit as %XX (@ is %40, / is %2F)
            """)
    }
}
