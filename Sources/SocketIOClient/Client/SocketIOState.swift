/// What became of a socket's connection to its namespace.
public enum SocketIOState: Sendable {
    /// Connected, under this id of the server's.
    ///
    /// - recovered: the server kept the socket's place (connection state recovery): its rooms, and the events that were
    ///   sent in between, which follow.
    case connected(id: String, recovered: Bool)
    /// - comesBack: whether the client tries to connect again by itself.
    case disconnected(SocketIOCloseReason, comesBack: Bool)
    /// An attempt failed: `connect_error` of the official clients.
    ///
    /// - comesBack: whether the client tries again by itself. Not after the server refused the namespace (`connectError`).
    case connectFailed(SocketIOClientError, comesBack: Bool)
    /// The client waits before an attempt, the first being 1.
    case waiting(attempt: Int, pause: Duration)
}
