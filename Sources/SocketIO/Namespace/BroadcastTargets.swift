/// Who a broadcast is for.
struct BroadcastTargets: Sendable, Equatable {
    /// Whoever is in one of them; everybody when empty.
    var rooms: [String] = []
    /// But nobody who is in one of these. A socket's id is a room too.
    var except: [String] = []
}

/// What the sockets of a broadcast answered.
public struct BroadcastAnswers: Sendable, Equatable {
    /// In no order.
    public var payloads: [EventPayload] = []
    /// Sockets that did not answer in time.
    public var missing = 0
    /// Whether a node did not answer, whose sockets are in neither.
    public var isIncomplete = false
}

/// A socket of any node, as it was when it was asked for.
public struct RemoteSocket: Sendable, Equatable {
    /// Also the name of a room that it alone is in: by it the socket is sent to, moved or disconnected.
    public let id: SocketID
    /// The rooms that it has joined, and its own id.
    public let rooms: Set<String>
    /// Its ``Socket/data``.
    public let data: JSONBytes?
}
