/// The names of the keys of sessions and users in Redis.
public struct SessionKeys: Sendable {
    /// Before every key, `rejoin:` by default.
    public let prefix: String

    /// - Parameter prefix: `REJOIN_REDIS_PREFIX`; no braces.
    public init(prefix: String) {
        self.prefix = prefix
    }

    /// The record of a session.
    public func session(_ handle: SessionHandle) -> String {
        self.session(named: handle.description)
    }

    /// The record of the session whose handle is spelled so.
    package func session(named handle: String) -> String {
        self.key("session:{", handle)
    }

    /// What all records' keys match, as `SCAN` takes it; characters of the prefix that mean something there are escaped.
    var sessionPattern: String {
        var pattern = ""
        for character in self.prefix {
            if "*?[]^\\".contains(character) { pattern.append("\\") }
            pattern.append(character)
        }
        return pattern + "session:{*}"
    }

    /// The session whose record has that key; nil for any other key.
    func handle(ofKey key: String) -> SessionHandle? {
        let head = "\(self.prefix)session:{"
        guard key.hasPrefix(head), key.hasSuffix("}") else { return nil }
        return SessionHandle(key.dropFirst(head.count).dropLast())
    }

    /// The hash of a user: its generation.
    public func user(_ id: String) -> String {
        "\(self.prefix)user:{\(Self.escaped(id))}"
    }

    /// The index of a user's sessions.
    public func userSessions(_ id: String) -> String {
        "\(self.user(id)):sessions"
    }

    /// How many rooms a user has begun of late.
    public func newRooms(of userID: String) -> String {
        self.key("limit:{rooms:", Self.escaped(userID))
    }

    /// Prefix, head, tag and a brace. Every act names two such keys, and an interpolation grows its string step by step.
    private func key(_ head: String, _ tag: String) -> String {
        var key = ""
        key.reserveCapacity(self.prefix.utf8.count + head.utf8.count + tag.utf8.count + 1)
        key += self.prefix
        key += head
        key += tag
        key += "}"
        return key
    }

    /// A user's id with every byte percent-encoded that could leave its key or mean something to Redis: all but
    /// letters, digits and `.`, `_`, `:`, `@`, `-`.
    private static func escaped(_ id: String) -> String {
        guard !id.utf8.allSatisfy(Self.isPlain) else { return id }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in id.utf8 {
            if Self.isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
            UInt8(ascii: "@"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
