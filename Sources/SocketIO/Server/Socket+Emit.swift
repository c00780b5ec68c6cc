import EngineIO
import NIOCore

/// Why no acknowledgement came.
public enum AcknowledgementError: Error, Sendable, Equatable {
    /// The client did not answer in time.
    case timeout
    /// The socket is gone, or went while it was waited for.
    case disconnected
}

extension Socket {
    // MARK: Events

    /// Sends an event with one argument.
    public func emit(_ event: String, _ argument: JSONBytes) {
        guard state == .connected else { return }
        if recovery == nil {
            connection.send(text: PacketWriter.event(event, argument.buffer, namespace: namespaceHub.name))
        } else {
            emit(event, EventPayload([argument]))
        }
    }

    /// Sends an event.
    ///
    /// - Parameter isVolatile: whether it is left out when the client does not keep up.
    public func emit(_ event: String, _ payload: EventPayload, isVolatile: Bool = false) {
        guard state == .connected else { return }
        let array = JSONBytes(event: event, payload)
        if let recovery, !isVolatile {
            recovery.emit(array, payload.attachments, on: self)
        } else if !isVolatile || connection.isWritable {
            send(array, payload.attachments, acknowledgementID: nil)
        }
    }

    /// Sends an event with values as its arguments.
    ///
    /// - Throws: `EncodingError`.
    public func emit<each Argument: Encodable>(_ event: String, _ arguments: repeat each Argument) throws {
        emit(event, try .encoding(repeat each arguments))
    }

    /// Sends one of many volatile copies.
    func emitVolatile(_ array: JSONBytes, _ attachments: [ByteBuffer]) {
        if state == .connected, connection.isWritable {
            send(array, attachments, acknowledgementID: nil)
        }
    }

    private func send(_ array: JSONBytes, _ attachments: [ByteBuffer], acknowledgementID: Int?) {
        let packet = PacketWriter.event(
            namespace: namespaceHub.name, array: array, attachments: attachments.count,
            acknowledgementID: acknowledgementID,
            // Clients look for an offset where no acknowledgement is asked for.
            offset: acknowledgementID == nil ? recovery?.latestOffset(for: self) : nil)
        send(packet, attachments)
    }

    private func send(_ packet: ByteBuffer, _ attachments: [ByteBuffer]) {
        connection.send(text: packet)
        for attachment in attachments {
            connection.send(binary: attachment)
        }
    }

    // MARK: Acknowledgements

    /// Answers an event with one argument. Does nothing when the client did not ask for an acknowledgement.
    public func acknowledge(_ event: SocketEvent, _ argument: JSONBytes) {
        guard state == .connected, let id = event.acknowledgementID else { return }
        afterSaving { socket in
            socket.connection.send(
                text: PacketWriter.acknowledgement(namespace: socket.namespaceHub.name, id, argument.buffer))
        }
    }

    /// Answers an event. Does nothing when the client did not ask for an acknowledgement.
    public func acknowledge(_ event: SocketEvent, _ payload: EventPayload) {
        guard state == .connected, let id = event.acknowledgementID else { return }
        afterSaving { socket in
            let packet = PacketWriter.acknowledgement(namespace: socket.namespaceHub.name, id, payload)
            socket.send(packet, payload.attachments)
        }
    }

    /// What was acknowledged survives this node: a change of the rooms is written before.
    private func afterSaving(_ send: @escaping (Socket) -> Void) {
        if let recovery {
            recovery.afterSaving { if self.state == .connected { send(self) } }
        } else {
            send(self)
        }
    }

    /// Sends an event and waits for the client's acknowledgement.
    ///
    /// - Returns: What the client answered.
    /// - Throws: ``AcknowledgementError`` when it did not, in time or at all.
    public nonisolated(nonsending) func emitWithAck(
        _ event: String, _ payload: EventPayload, timeout: Duration
    ) async throws(AcknowledgementError) -> EventPayload {
        guard state == .connected else { throw .disconnected }
        let id = namespaceHub.hub.nextAcknowledgementID()
        send(JSONBytes(event: event, payload), payload.attachments, acknowledgementID: id)
        let answer: EventPayload? = await withCheckedContinuation { continuation in
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            let timer = eventLoop.scheduleTask(in: TimeAmount(timeout)) { bound.value.resume(id, with: nil) }
            wait(for: id) { answer in
                timer.cancel()
                continuation.resume(returning: answer)
            }
        }
        guard let answer else { throw state == .connected ? .timeout : .disconnected }
        return answer
    }

    /// Sends an event with one argument and waits for the client's acknowledgement.
    ///
    /// - Returns: Its first argument; `null` when there is none.
    public nonisolated(nonsending) func emitWithAck(
        _ event: String, _ argument: JSONBytes, timeout: Duration
    ) async throws(AcknowledgementError) -> JSONBytes {
        try await emitWithAck(event, EventPayload([argument]), timeout: timeout).arguments.first ?? .null
    }

    /// Sends an event with values as its arguments, and decodes the first argument of the client's acknowledgement.
    ///
    /// - Parameters:
    ///   - timeout: how long the client may take.
    ///   - type: what the client answers; a missing argument is `null`, which an optional takes.
    /// - Throws: `EncodingError`, ``AcknowledgementError``, `DecodingError`.
    public nonisolated(nonsending) func emitWithAck<each Argument: Encodable, Answer: Decodable>(
        _ event: String, _ arguments: repeat each Argument, timeout: Duration, as type: Answer.Type
    ) async throws -> Answer {
        try await emitWithAck(event, try .encoding(repeat each arguments), timeout: timeout).decode(type, at: 0)
    }

    // MARK: Broadcasts

    /// Everybody in these rooms but this socket, on all nodes.
    public func to(_ rooms: String...) -> BroadcastOperator { to(rooms) }

    /// Everybody in these rooms but this socket, on all nodes; no rooms at all are all others, as in Socket.IO.
    public func to(_ rooms: [String]) -> BroadcastOperator {
        BroadcastOperator(namespace, BroadcastTargets(rooms: rooms, except: [id.string]))
    }

    /// Everybody in the namespace but this socket, on all nodes.
    public var broadcast: BroadcastOperator {
        BroadcastOperator(namespace, BroadcastTargets(rooms: [], except: [id.string]))
    }
}
