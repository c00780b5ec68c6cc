public import SocketIO

/// A message of a node of this cluster, this one included, as a handler gets it.
public struct ControlMessage: Sendable {
    /// The kind the handler was registered for.
    public let kind: String
    /// The sender.
    public let node: NodeName
    public let incarnation: Incarnation
    /// Valid JSON, and nothing more is known of it; `null` when the sender gave none.
    public let body: JSONBytes
    /// Whether the sender waits for the answer.
    public let isQuestion: Bool
}

/// Handles one message. Its messages come one after the other, in the order they arrived; it may wait, but whoever asks
/// gives up after a short time.
///
/// - Returns: the answer for whoever asks; nobody sees it when nobody does.
public typealias ControlHandler = @Sendable (ControlMessage) async -> JSONBytes
