import EngineIO
import NIOCore

// MARK: To all nodes

extension ServerCore {
    func tell(
        _ operation: AdapterOperation, in namespace: String, _ targets: BroadcastTargets
    ) async throws(AdapterError) {
        try await adapter.tell(message(operation, namespace, targets))
    }

    func ask(
        _ operation: AdapterOperation, in namespace: String, _ targets: BroadcastTargets, timeout: Duration
    ) async throws(AdapterError) -> AdapterAnswers {
        try await adapter.ask(message(operation, namespace, targets), timeout: timeout)
    }

    private func message(
        _ operation: AdapterOperation, _ namespace: String, _ targets: BroadcastTargets
    ) -> JSONBytes {
        AdapterMessage(sender: sender, namespace: namespace, targets: targets, operation: operation).encoded
    }
}

// MARK: On this node

extension ServerCore {
    /// Does what a node says, this one included. What is no message of ours does nothing.
    func perform(_ json: JSONBytes) async -> JSONBytes {
        guard let message = AdapterMessage(json) else { return .null }
        if case .serverEvent(let name, let payload) = message.operation {
            // For the others only.
            guard message.sender != sender, let definition = definition(of: message.namespace) else { return .null }
            return await definition.handler.serverEvent(name, payload).adapterValue
        }
        return await perform(message.operation, in: message.namespace, message.targets)
    }

    /// - Returns: what the operation asks for, as another node reads it.
    @discardableResult
    func perform(_ operation: AdapterOperation, in name: String, _ targets: BroadcastTargets) async -> JSONBytes {
        switch operation {
        case .emit(let array, let attachments, let isVolatile):
            guard !isVolatile || definition(of: name)?.recovery == nil else {
                // Each socket is told its offset.
                hubs.forEach { hub in
                    guard let hub = hub[name] else { return }
                    for socket in hub.sockets(for: targets) { socket.emitVolatile(array, attachments) }
                }
                break
            }
            let message = EncodedMessage(namespace: name, array: array, attachments: attachments)
            hubs.forEach { $0[name]?.broadcast(message, to: targets, isVolatile: isVolatile) }
        case .emitWithAck(let array, let attachments, let timeout):
            let answers = await hubs.gatherFutures { hub in
                hub[name]?.broadcastWithAck(array, attachments: attachments, to: targets, timeout: timeout)
                    ?? hub.loop.eventLoop.makeSucceededFuture(BroadcastAnswers())
            }
            var all = BroadcastAnswers()
            for part in answers {
                all.payloads += part.payloads
                all.missing += part.missing
            }
            return all.adapterValue
        case .fetch:
            let sockets = await hubs.gather { hub in
                (hub[name]?.sockets(for: targets) ?? []).map {
                    RemoteSocket(id: $0.id, rooms: $0.rooms.union([$0.id.string]), data: $0.data)
                }
            }
            return RemoteSocket.adapterValue(of: sockets.flatMap { $0 })
        case .join(let rooms):
            forEachSocket(in: name, targets) { socket in rooms.forEach(socket.join) }
        case .leave(let rooms):
            forEachSocket(in: name, targets) { socket in rooms.forEach(socket.leave) }
        case .disconnect(let closing):
            forEachSocket(in: name, targets) { socket in
                if closing { socket.disconnectAndClose() } else { socket.disconnect() }
            }
        case .serverEvent:
            break  // for the other nodes only
        }
        return .null
    }

    private func forEachSocket(
        in name: String, _ targets: BroadcastTargets, _ body: @escaping @Sendable (Socket) -> Void
    ) {
        hubs.forEach { hub in
            for socket in hub[name]?.sockets(for: targets) ?? [] { body(socket) }
        }
    }
}
