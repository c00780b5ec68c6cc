/// Where Redis is, and how long and how much to wait for it.
public struct RedisConfiguration: Sendable {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    public var host: String
    /// 1 … 65535; default 6379.
    public var port: Int
    /// The ACL user; nil for the default user.
    public var user: String?
    /// nil when Redis asks for none. Never logged.
    public var password: String?
    /// The number given to `SELECT`; default 0.
    public var database: Int
    /// How the connections are encrypted; nil, by `redis://`: not at all. Never plain text where it is given.
    public var tls: RedisTLS?
    /// How long a command waits for its answer; default 500 ms.
    public var commandTimeout: Duration = .milliseconds(500)
    /// How long making a connection may take, name resolution and TLS included; default 1 s.
    public var connectTimeout: Duration = .seconds(1)
    /// How many commands may be queued or unanswered; default 16,384. One more is refused at once.
    public var maximumInFlight: Int = 16_384
    /// How many bytes one reply may have; default 16 MiB. A longer one ends the connection.
    public var maximumReplyBytes: Int = 16 << 20

    /// Reads `redis://[[user]:password@]host[:port][/database]`, or the same with `rediss://` for TLS; user and password
    /// are percent-decoded.
    ///
    /// - Throws: `RedisError` with code `invalidConfiguration`, whose message says what was wrong and what is expected,
    ///   without repeating the password.
    public init(url: String) throws(RedisError) {
        guard let (scheme, rest) = url.split(around: "://") else {
            throw .configuration(
                "no scheme; expected redis://[user:password@]host[:port][/database], or rediss:// for TLS")
        }
        switch scheme.lowercased() {
        case "redis": break
        case "rediss": self.tls = RedisTLS()
        case "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster":
            throw .configuration("\(scheme):// is not supported by this version; use redis:// or rediss://")
        default:
            throw .configuration("unknown scheme \(scheme)://; expected redis:// or rediss://")
        }
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
            throw .configuration(
                "no query or fragment is allowed; in a user or password write ? as %3F and # as %23")
        }
        let (authority, path) = rest.split(around: "/") ?? (rest, "")
        let credentials: Substring?
        let address: Substring
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            address = authority[authority.index(after: at)...]
        } else {
            credentials = nil
            address = authority
        }
        (self.user, self.password) = try Self.credentials(credentials)
        (self.host, self.port) = try Self.address(address)
        self.database = try Self.database(path)
    }

    private static func credentials(_ text: Substring?) throws(RedisError) -> (String?, String?) {
        guard let text, !text.isEmpty else { return (nil, nil) }
        guard let (user, password) = text.split(around: ":"), !password.isEmpty else {
            throw .configuration("a user needs a password: redis://user:password@host, or redis://:password@host")
        }
        guard let user = percentDecoded(user), let password = percentDecoded(password) else {
            throw .configuration("user or password is not percent-encoded UTF-8; write % as %25")
        }
        return (user.isEmpty ? nil : user, password)
    }

    private static func address(_ text: Substring) throws(RedisError) -> (String, Int) {
        let host: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else {
                throw .configuration("an IPv6 address needs brackets on both sides: redis://[::1]:6379")
            }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<end]
            rest = text[end...]
        }
        guard !host.isEmpty else { throw .configuration("no host; expected redis://host[:port]") }
        guard !rest.isEmpty else { return (String(host), 6379) }
        guard rest.first == ":", let port = decimal(rest.dropFirst()), (1...65535).contains(port) else {
            // A password with an unencoded "/" would be cut here: what follows the host is not repeated.
            throw .configuration(
                "the port is not a number from 1 to 65535; in a user or password write / as %2F and @ as %40")
        }
        return (String(host), port)
    }

    private static func database(_ path: Substring) throws(RedisError) -> Int {
        guard !path.isEmpty else { return 0 }
        guard let number = decimal(path) else {
            throw .configuration("after the host comes the number of the database, as in redis://host:6379/0")
        }
        return number
    }

    /// Digits only: `Int("+1")` would be taken otherwise.
    private static func decimal(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address, without the password.
    public var description: String {
        let credentials = self.password == nil ? "" : "\(self.user ?? ""):***@"
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.tls == nil ? "redis" : "rediss")://\(credentials)\(host):\(self.port)/\(self.database)"
    }

    public var debugDescription: String { self.description }

    /// Keeps the password out of `dump` and of test failures.
    public var customMirror: Mirror {
        Mirror(self, children: ["url": self.description])
    }
}

extension RedisError {
    static func configuration(_ message: String) -> RedisError {
        RedisError(code: .invalidConfiguration, message: "the Redis URL: \(message)")
    }
}

extension StringProtocol where SubSequence == Substring {
    /// What is before and after the first occurrence of an ASCII separator; nil without one.
    fileprivate func split(around separator: String) -> (Substring, Substring)? {
        let wanted = Array(separator.utf8)
        var start = self.utf8.startIndex
        while start != self.utf8.endIndex {
            if self.utf8[start...].starts(with: wanted) {
                return (self[..<start], self[self.utf8.index(start, offsetBy: wanted.count)...])
            }
            self.utf8.formIndex(after: &start)
        }
        return nil
    }
}

/// RFC 3986 2.1; nil when an escape is broken or the result is not UTF-8.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
            return nil
        }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
