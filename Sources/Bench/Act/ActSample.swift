import NIOCore

/// One act of a new player in a room of its own, for whoever wants to see what it asks of Redis.
public struct ActSample: Sendable {
    public var room: String
    /// The act's, which is applied twice under different ids: the second is this one, on a room that the node knows.
    public var id: String
    /// For each request.
    public var timeout: Duration

    public init(room: String, id: String, timeout: Duration) {
        self.room = room
        self.id = id
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the player cannot act.
    public func run(_ context: BenchContext) async throws {
        let timeout = TimeAmount(self.timeout)
        try await Crowds.with(context) { crowds in
            try await crowds.on(0) { crowd in
                crowd.open(context.target.node(0), token: nil, timeout: timeout).assumeIsolated().flatMap { member in
                    crowd.register(member, timeout: timeout).assumeIsolated()
                        .flatMap { _ in crowd.join(member, self.room, timeout) }
                        .flatMap { self.act("first", member, crowd) }
                        .flatMap { self.act(self.id, member, crowd) }.nonisolated()
                }.nonisolated()
            }
        }
    }

    private func act(_ id: String, _ member: Crowd.Member, _ crowd: Crowd) -> EventLoopFuture<Void> {
        let body = "{\"room\":\"\(self.room)\",\"id\":\"\(id)\",\"action\":{\"set\":{\"p0\":0}}}"
        return crowd.request(member, "act", body, timeout: TimeAmount(self.timeout)).map { _ in }
    }
}
