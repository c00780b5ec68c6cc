/// Short forms for what is done with everybody in the namespace, on all nodes.
extension Namespace {
    /// Whoever does not keep up is left out.
    public var volatile: BroadcastOperator { all.volatile }

    /// How long acknowledgements and other nodes may take. Default: ``SocketIOConfiguration/clusterTimeout``.
    public func timeout(_ timeout: Duration) -> BroadcastOperator { all.timeout(timeout) }

    /// Sends an event to everybody.
    ///
    /// - Throws: ``AdapterError`` when it could not be handed to the other nodes; then nobody has it for sure.
    public func emit(_ event: String, _ payload: EventPayload = EventPayload()) async throws(AdapterError) {
        try await all.emit(event, payload)
    }

    /// Sends an event with values as its arguments to everybody.
    ///
    /// - Throws: `EncodingError`, ``AdapterError``.
    public func emit<each Argument: Encodable & Sendable>(
        _ event: String, _ arguments: repeat each Argument
    ) async throws {
        try await all.emit(event, repeat each arguments)
    }

    /// Sends an event to everybody and gathers the acknowledgements.
    ///
    /// - Throws: ``AdapterError`` when the other nodes could not be asked.
    public func emitWithAck(
        _ event: String, _ payload: EventPayload = EventPayload()
    ) async throws(AdapterError) -> BroadcastAnswers {
        try await all.emitWithAck(event, payload)
    }

    /// The sockets of all nodes, as they are now.
    ///
    /// - Throws: ``AdapterError``, also when a node did not answer in time.
    public func fetchSockets() async throws(AdapterError) -> [RemoteSocket] {
        try await all.fetchSockets()
    }

    /// Disconnects everybody by a DISCONNECT packet, after which clients do not come back by themselves.
    ///
    /// - Parameter closing: whether to end their connections too, with all other namespaces.
    /// - Throws: ``AdapterError`` when the other nodes could not be told.
    public func disconnectSockets(closing: Bool = false) async throws(AdapterError) {
        try await all.disconnectSockets(closing: closing)
    }
}
