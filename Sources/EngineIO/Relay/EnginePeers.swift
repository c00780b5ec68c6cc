/// Where another node's public listener is.
public struct EnginePeerAddress: Sendable, Equatable {
    /// A name or an address, IPv6 without brackets.
    public let host: String
    public let port: Int
    /// Whether it speaks TLS, and nothing else.
    public let isTLS: Bool

    public init(host: String, port: Int, isTLS: Bool = false) {
        self.host = host
        self.port = port
        self.isTLS = isTLS
    }
}

/// What an engine must know of the other nodes to pass on a request for one of their sessions. Any thread may call; nothing
/// here may block.
public protocol EnginePeers: Sendable {
    /// Where a node is reached, by the name that its sessions begin with; `nil` when no live node has that name.
    func address(ofNode name: String) -> EnginePeerAddress?
    /// The time by a clock that all nodes share, in milliseconds since 1970.
    var now: Int64 { get }
    /// Proves to every node, and to nobody else, that a node of this cluster says so; printable ASCII without spaces. `nil`
    /// when nothing can be signed now.
    func sign(_ message: String) -> String?
    /// Whether a node of this cluster made that signature for the message.
    func verify(_ signature: String, of message: String) -> Bool
    /// There was no TLS with a node's listener, which nothing was said to, therefore: most often its certificate is not one
    /// that is believed here.
    func noTLS(withNode name: String, _ reason: String)
}

extension EnginePeers {
    public func noTLS(withNode name: String, _ reason: String) {}
}
