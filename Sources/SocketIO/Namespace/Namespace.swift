public import EngineIO
public import NIOCore

/// All sockets that are connected to one name, on all nodes. Any thread may call it.
public struct Namespace: Sendable {
    /// As it was defined, or as a client asked for it; `/` is the main one.
    public let name: String
    let core: ServerCore

    static func isName(_ name: String) -> Bool {
        name.utf8.first == UInt8(ascii: "/") && name.utf8.count <= 128
            && !name.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "?") || $0 < 0x20 }
    }

    /// Everybody.
    public var all: BroadcastOperator { BroadcastOperator(self, BroadcastTargets()) }

    /// Whoever is in one of these rooms.
    public func to(_ rooms: String...) -> BroadcastOperator { to(rooms) }

    /// Whoever is in one of these rooms; as in Socket.IO, no rooms at all are everybody.
    public func to(_ rooms: [String]) -> BroadcastOperator {
        BroadcastOperator(self, BroadcastTargets(rooms: rooms))
    }

    /// Everybody who is in none of these rooms.
    public func except(_ rooms: String...) -> BroadcastOperator { except(rooms) }

    /// Everybody who is in none of these rooms.
    public func except(_ rooms: [String]) -> BroadcastOperator {
        BroadcastOperator(self, BroadcastTargets(except: rooms))
    }

    /// Only the sockets of this node.
    public var local: BroadcastOperator { all.local }

    // MARK: Messages between servers

    /// Sends an event to the handlers of this namespace on all *other* nodes (``SocketHandler/serverEvent(_:_:)``).
    ///
    /// - Throws: ``AdapterError`` when it could not be handed to them.
    public func serverSideEmit(_ event: String, _ payload: EventPayload = EventPayload()) async throws(AdapterError) {
        try await core.tell(.serverEvent(event, payload), in: name, BroadcastTargets())
    }

    /// Sends an event to the handlers of this namespace on all *other* nodes, and waits for their answers.
    ///
    /// - Throws: ``AdapterError``, also when a node did not answer in time.
    public func serverSideEmitWithAck(
        _ event: String, _ payload: EventPayload = EventPayload(), timeout: Duration = .seconds(2)
    ) async throws(AdapterError) -> [EventPayload] {
        let answers = try await core.ask(
            .serverEvent(event, payload), in: name, BroadcastTargets(), timeout: timeout)
        guard answers.missing.isEmpty else { throw AdapterError.missing(answers.missing) }
        return answers.answers.compactMap { EventPayload(adapterValue: $0) }
    }

    // MARK: This node, without waiting

    /// Sends to a room's sockets on this node. Who does not keep up is left out, and told once it does
    /// (``SocketHandler/drained(_:missed:)``). At once on the event loop that it is called on.
    ///
    /// - Parameters:
    ///   - message: encoded for this namespace.
    ///   - except: a socket that is left out.
    ///   - eventLoops: where sockets of the room may be: no other is woken. Default all.
    ///   - completion: told when all that the sockets take has been given to the network. For whoever sends the next
    ///     message only then: with one a message goes out by itself, without one with all that a socket gets in a turn of
    ///     its event loop.
    public func broadcastVolatile(
        _ message: EncodedMessage, to room: String, except: SocketID? = nil, on eventLoops: [any EventLoop]? = nil,
        completion: BroadcastCompletion? = nil
    ) {
        core.hubs.forEach(on: eventLoops) { [name] in
            $0[name]?.broadcastVolatile(message, to: room, except: except, completion: completion)
        }
    }

    /// Sends to every socket on this node. The message was encoded for this namespace.
    public func broadcast(_ message: EncodedMessage) {
        core.hubs.forEach { [name] in $0[name]?.broadcast(message, to: BroadcastTargets()) }
    }
}
