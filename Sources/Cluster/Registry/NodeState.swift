/// What a node says of itself in its record.
public enum NodeState: String, Sendable, Hashable, CaseIterable {
    /// Not ready for the first time yet.
    case starting
    /// Takes new sockets.
    case ready
    /// Takes no new sockets, for a reason that its record gives.
    case unready
    /// Does not hear its own messages: what others publish may be missed.
    case deaf
    /// Is leaving.
    case draining
    /// A state of another version of the program.
    case unknown
}
