public import NIOCore

/// Connection state recovery of a namespace: a client that was away for a short time gets its socket back, on any node.
public struct RecoveryOptions: Sendable {
    /// Keeps the state; shared by all nodes.
    public var store: any RecoveryStore
    /// How long a client may have been away. Default 2 minutes.
    public var maximumDisconnection = Duration.seconds(120)
    /// Messages of a room that are kept; a client that missed more starts anew. Default 1,000.
    public var maximumMessages = 1_000
    /// Messages and changes that wait to be written on this node; more are refused. Default 16,384.
    public var maximumQueued = 16_384

    public init(store: any RecoveryStore) {
        self.store = store
    }
}

/// Where a message stands in the one order of all messages of its namespace. Opaque to clients, which send the last one
/// they saw when they come back.
///
/// The order begins anew, with a higher epoch, when the store may have lost messages.
public struct RecoveryOffset: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var epoch: UInt64
    public var number: UInt64

    public init(epoch: UInt64, number: UInt64) {
        self.epoch = epoch
        self.number = number
    }

    /// `EPOCH-NUMBER`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count <= 41, parts.count == 2, let epoch = UInt64(parts[0]), let number = UInt64(parts[1]),
            "\(epoch)-\(number)" == text
        else { return nil }
        self.init(epoch: epoch, number: number)
    }

    public var description: String { "\(epoch)-\(number)" }

    public static func < (lhs: RecoveryOffset, rhs: RecoveryOffset) -> Bool {
        (lhs.epoch, lhs.number) < (rhs.epoch, rhs.number)
    }
}

/// A message that is kept for those who miss it.
public struct RecoverableMessage: Sendable, Equatable {
    /// Whose logs it is written to; the room of everybody is the empty name.
    public var rooms: [String]
    /// Nobody who is in one of these rooms gets it; a socket's id is one.
    public var except: [String]
    /// The event's name and its arguments.
    public var array: JSONBytes
    /// The bytes of its binary values, in the order of their numbers.
    public var attachments: [ByteBuffer]

    public init(rooms: [String], except: [String], array: JSONBytes, attachments: [ByteBuffer]) {
        self.rooms = rooms
        self.except = except
        self.array = array
        self.attachments = attachments
    }
}

/// What is kept of a socket.
public struct RecoverableState: Sendable, Equatable {
    /// The secret by which its client comes back.
    public var id: String
    /// Random at every connection: who has it last has the socket.
    public var owner: String
    /// The id that the socket has, and keeps.
    public var socket: SocketID
    /// The rooms that it has joined, in no order.
    public var rooms: [String]
    /// Its ``Socket/data``.
    public var data: JSONBytes?

    public init(id: String, owner: String, socket: SocketID, rooms: [String], data: JSONBytes?) {
        self.id = id
        self.owner = owner
        self.socket = socket
        self.rooms = rooms
        self.data = data
    }
}

/// What a node writes down.
public enum RecoveryWrite: Sendable {
    /// Appended to the logs of its rooms, and heard by every node.
    case message(RecoverableMessage)
    /// The whole state of a socket, replaced.
    case state(RecoverableState)
    /// These sockets are still connected.
    case alive(ids: [String])
    /// The client went for good: its state is forgotten, unless another connection has it.
    case forget(id: String, owner: String)
}

/// What a node hears, in the one order of the namespace.
public enum RecoveryEvent: Sendable {
    case message(RecoveryOffset, RecoverableMessage)
    /// Another connection has this state now.
    case taken(id: String, owner: String)
    /// Messages may have been missed: whoever is connected to this node must come back.
    case missed
}

/// A socket's state, and what it has missed.
public struct RecoveredState: Sendable {
    /// What the socket was.
    public var state: RecoverableState
    /// Every message to one of its rooms after the offset that was asked for, in order.
    public var messages: [(offset: RecoveryOffset, message: RecoverableMessage)]
    /// Where the log stood; a message after it is heard by every node.
    public var offset: RecoveryOffset

    public init(
        state: RecoverableState, messages: [(offset: RecoveryOffset, message: RecoverableMessage)],
        offset: RecoveryOffset
    ) {
        self.state = state
        self.messages = messages
        self.offset = offset
    }
}

/// Keeps the messages and the sockets of namespaces with connection state recovery, for all nodes.
///
/// An implementation over Redis is in `Cluster`.
public protocol RecoveryStore: Sendable {
    /// Hears what is written in a namespace, by every node; from when it returns. Called once a namespace; `hear` may be
    /// called on any thread, and never at the same time.
    func listen(
        namespace: String, _ hear: @escaping @Sendable (RecoveryEvent) -> Void
    ) async throws(AdapterError)

    /// Writes, in order.
    ///
    /// - Returns: for each what went wrong, and nil for what was written.
    func write(_ writes: [RecoveryWrite], namespace: String, options: RecoveryOptions) async -> [AdapterError?]

    /// Gives a state to another connection, if it is still there and nothing that was missed is lost.
    ///
    /// - Parameters:
    ///   - id: what the client says; not trusted.
    ///   - owner: the new connection.
    ///   - offset: the last message that the client saw; nil when it saw none.
    /// - Returns: nil when the client must start anew.
    func recover(
        id: String, owner: String, since offset: RecoveryOffset?, namespace: String, options: RecoveryOptions
    ) async throws(AdapterError) -> RecoveredState?
}
