/// A node's place in the cluster: whether the name is its own, and what its heartbeats tell.
struct Membership {
    enum Action: Equatable {
        case none
        /// Somebody else asked this node to drain.
        case drain
        /// The name belongs to another incarnation: this node must end.
        case end
    }

    enum Phase: Equatable {
        case joining, member, replaced, left
    }

    private(set) var phase = Phase.joining
    private(set) var list: NodeList
    /// When the last heartbeat that was answered was sent; nil before the first.
    private(set) var lastHeartbeat: ContinuousClock.Instant?
    /// Why the last heartbeat failed; nil when it did not.
    private(set) var failure: String?
    private var drainRequest: String?

    init(now: ContinuousClock.Instant) {
        self.list = NodeList(readAt: now)
    }

    mutating func joined() {
        guard phase == .joining else { return }
        phase = .member
        failure = nil
    }

    mutating func left() {
        phase = .left
    }

    mutating func heartbeatAnswered(_ reply: HeartbeatReply, sentAt: ContinuousClock.Instant) -> Action {
        guard phase == .member else { return .none }
        switch reply {
        case .taken:
            phase = .replaced
            return .end
        case .malformed:
            failure = "the registry's answer is malformed"
            return .none
        case .owned(let answered):
            failure = nil
            lastHeartbeat = max(lastHeartbeat ?? sentAt, sentAt)
            guard answered.readAt >= list.readAt else { return .none }
            list = answered
            guard let request = answered.drainRequest, request != drainRequest else { return .none }
            drainRequest = request
            return .drain
        }
    }

    mutating func heartbeatFailed(_ reason: String) {
        failure = reason
    }
}
