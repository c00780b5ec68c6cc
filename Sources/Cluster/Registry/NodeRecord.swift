import RedisClient

/// What the cluster knows of a live node: its record in the registry, as of the last heartbeat.
public struct NodeRecord: Sendable, Equatable {
    public var name: NodeName
    public var incarnation: Incarnation
    /// `HOST:PORT` where the other nodes reach it; empty until it listens.
    public var address: String
    /// Whether TLS is spoken at ``address``, and nothing else.
    public var isTLS = false
    /// `HOST:PORT` of its admin listener; empty when it has none.
    public var adminAddress: String
    /// Version of the program.
    public var version: String
    /// When it started, in milliseconds since 1970 by its own clock.
    public var startedAt: Int
    /// How many sockets it holds.
    public var sockets: Int
    /// How many rooms it has members of.
    public var rooms: Int
    public var state: NodeState
    /// Why it is not ready; empty when it is.
    public var reason: String
    /// The id of its accounts store; nil when it has none.
    public var storeID: String?
    /// What it shares with the nodes that can reach its loopback address.
    public var host: String
    /// How long ago its last heartbeat was, when the record was read.
    public var age: Duration

    /// Longest value of a field that is read, in bytes; whoever writes a longer one is no node of ours.
    static let maximumValueBytes = 512
}

extension NodeRecord {
    /// The fields as they are kept in Redis, without what changes by itself.
    var fields: [(String, RedisArgument)] {
        [
            ("name", .string(name.description)),
            ("incarnation", .string(incarnation.description)),
            ("address", .string(address)),
            ("scheme", .string(isTLS ? "https" : "http")),
            ("admin", .string(adminAddress)),
            ("version", .string(version)),
            ("started", .integer(startedAt)),
            ("sockets", .integer(sockets)),
            ("rooms", .integer(rooms)),
            ("state", .string(state.rawValue)),
            ("reason", .string(reason)),
            ("store", .string(storeID ?? "")),
            ("host", .string(host)),
        ]
    }

    /// Reads a record; fields of other versions are left alone, fields that are missing are empty.
    ///
    /// - Parameters:
    ///   - name: under which the record was found.
    ///   - age: how long ago its last heartbeat was.
    ///   - fields: field, value, … as Redis answers.
    /// - Returns: nil when it is no record of that node.
    init?(name: NodeName, age: Duration, fields: ArraySlice<RedisValue>) {
        var texts: [String: String] = [:]
        var iterator = fields.makeIterator()
        while let field = iterator.next()?.string {
            guard let value = iterator.next() else { return nil }
            if let text = value.string, text.utf8.count <= Self.maximumValueBytes { texts[field] = text }
        }
        guard texts["name"] == name.description, let incarnation = texts["incarnation"].flatMap(Incarnation.init)
        else { return nil }
        func count(_ field: String) -> Int { max(0, texts[field].flatMap { Int($0) } ?? 0) }

        self.name = name
        self.incarnation = incarnation
        self.address = texts["address"] ?? ""
        self.isTLS = texts["scheme"] == "https"
        self.adminAddress = texts["admin"] ?? ""
        self.version = texts["version"] ?? ""
        self.startedAt = count("started")
        self.sockets = count("sockets")
        self.rooms = count("rooms")
        self.state = texts["state"].flatMap(NodeState.init) ?? .unknown
        self.reason = texts["reason"] ?? ""
        self.storeID = texts["store"].flatMap { $0.isEmpty ? nil : $0 }
        self.host = texts["host"] ?? ""
        self.age = age
    }
}
