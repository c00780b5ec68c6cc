import EngineIO

/// Chooses sockets of a namespace, and does something with all of them, wherever they are connected.
///
/// What goes to all nodes takes one road, also to this one: messages to a room arrive in the same order everywhere.
public struct BroadcastOperator: Sendable {
    private let namespace: Namespace
    private var targets: BroadcastTargets
    private var isVolatile = false
    private var isLocal = false
    private var timeout: Duration?

    init(_ namespace: Namespace, _ targets: BroadcastTargets) {
        self.namespace = namespace
        self.targets = targets
    }

    // MARK: Who, and how

    /// Whoever is in one of these rooms too.
    public func to(_ rooms: String...) -> BroadcastOperator { to(rooms) }

    /// Whoever is in one of these rooms too. None change nothing: what is still for everybody stays so.
    public func to(_ rooms: [String]) -> BroadcastOperator {
        changed { $0.targets.rooms += rooms }
    }

    /// Nobody who is in one of these rooms; a socket's id is one.
    public func except(_ rooms: String...) -> BroadcastOperator { except(rooms) }

    /// Nobody who is in one of these rooms; a socket's id is one.
    public func except(_ rooms: [String]) -> BroadcastOperator {
        changed { $0.targets.except += rooms }
    }

    /// Whoever does not keep up is left out.
    public var volatile: BroadcastOperator { changed { $0.isVolatile = true } }

    /// Only the sockets of this node.
    public var local: BroadcastOperator { changed { $0.isLocal = true } }

    /// How long acknowledgements and other nodes may take. Default: ``SocketIOConfiguration/clusterTimeout``.
    public func timeout(_ timeout: Duration) -> BroadcastOperator { changed { $0.timeout = timeout } }

    private func changed(_ change: (inout BroadcastOperator) -> Void) -> BroadcastOperator {
        var copy = self
        change(&copy)
        return copy
    }

    // MARK: Events

    /// Sends an event.
    ///
    /// - Throws: ``AdapterError`` when it could not be handed to the other nodes; then nobody has it for sure.
    public func emit(_ event: String, _ payload: EventPayload = EventPayload()) async throws(AdapterError) {
        let array = JSONBytes(event: event, payload)
        if !isVolatile, !isLocal, let recovery = namespace.core.definition(of: namespace.name)?.recovery {
            return try await recovery.append(array, payload.attachments, to: targets)
        }
        try await run(.emit(array, payload.attachments, isVolatile: isVolatile))
    }

    /// Sends an event with values as its arguments.
    ///
    /// - Throws: `EncodingError`, ``AdapterError``.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await emit(event, try EventPayload.encoding(repeat each arguments))
    }

    /// Sends an event and gathers the acknowledgements of all sockets.
    ///
    /// - Throws: ``AdapterError`` when the other nodes could not be asked.
    public func emitWithAck(
        _ event: String, _ payload: EventPayload = EventPayload()
    ) async throws(AdapterError) -> BroadcastAnswers {
        let time = timeout ?? namespace.core.configuration.clusterTimeout
        let operation = AdapterOperation.emitWithAck(JSONBytes(event: event, payload), payload.attachments, time)
        // The nodes wait for their sockets, and then their answers need a moment.
        let values = try await ask(operation, timeout: time + .milliseconds(500))
        var all = BroadcastAnswers()
        all.isIncomplete = values.isIncomplete
        for answers in values.answers.compactMap({ BroadcastAnswers(adapterValue: $0) }) {
            all.payloads += answers.payloads
            all.missing += answers.missing
        }
        return all
    }

    // MARK: Sockets

    /// The sockets of all nodes, as they are now.
    ///
    /// - Throws: ``AdapterError``, also when a node did not answer in time.
    public func fetchSockets() async throws(AdapterError) -> [RemoteSocket] {
        let values = try await ask(.fetch, timeout: timeout ?? namespace.core.configuration.clusterTimeout)
        guard !values.isIncomplete else { throw AdapterError.missing(values.missing) }
        return values.answers.flatMap { RemoteSocket.all(adapterValue: $0) }
    }

    /// Makes the sockets join rooms.
    ///
    /// - Throws: ``AdapterError`` when the other nodes could not be told.
    public func socketsJoin(_ rooms: String...) async throws(AdapterError) {
        try await run(.join(rooms))
    }

    /// Makes the sockets leave rooms.
    ///
    /// - Throws: ``AdapterError`` when the other nodes could not be told.
    public func socketsLeave(_ rooms: String...) async throws(AdapterError) {
        try await run(.leave(rooms))
    }

    /// Disconnects the sockets by a DISCONNECT packet, after which clients do not come back by themselves.
    ///
    /// - Parameter closing: whether to end their connections too, with all other namespaces.
    /// - Throws: ``AdapterError`` when the other nodes could not be told.
    public func disconnectSockets(closing: Bool = false) async throws(AdapterError) {
        try await run(.disconnect(closing: closing))
    }

    private func run(_ operation: AdapterOperation) async throws(AdapterError) {
        if isLocal {
            await namespace.core.perform(operation, in: namespace.name, targets)
        } else {
            try await namespace.core.tell(operation, in: namespace.name, targets)
        }
    }

    private func ask(
        _ operation: AdapterOperation, timeout: Duration
    ) async throws(AdapterError) -> (answers: [JSONBytes], missing: [String], isIncomplete: Bool) {
        if isLocal {
            return ([await namespace.core.perform(operation, in: namespace.name, targets)], [], false)
        }
        let answers = try await namespace.core.ask(operation, in: namespace.name, targets, timeout: timeout)
        return (answers.answers, answers.missing, !answers.missing.isEmpty)
    }
}
