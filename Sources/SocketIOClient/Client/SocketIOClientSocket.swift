import NIOCore
public import SocketIO
import Synchronization

extension SocketIOClient {
    /// A namespace of a client's connection: its events, its acknowledgements, its id.
    ///
    /// Any thread may call it. It keeps the client's connection open as the client itself does. What is emitted while it
    /// is not connected waits for the connection, in order, up to `maximumBufferedEmits`; calls that were sent and not
    /// answered when the connection ended fail, since nobody knows whether they were heard.
    public final class Socket: Sendable {
        /// How many state changes wait for a reader; of more, the oldest are dropped.
        public static let maximumStates = 64

        public let namespace: String
        /// What the server emits and no handler takes, in order, from the first event on, through all connections; for
        /// one reader. Ends when the client is closed for good. `SocketIOClient.maximumEvents` may wait unread.
        public let events: AsyncStream<SocketIOEvent>
        /// What becomes of the connection, for one reader; ends when the client is closed for good.
        public let states: AsyncStream<SocketIOState>

        private let lifetime: ClientLifetime
        private let status = SocketStatus()
        private let core: NIOLoopBoundBox<SocketCore?>
        /// Of acknowledgements, which the server sees.
        private let nextID = Atomic<Int>(0)
        private let nextWaiterID = Atomic<Int>(0)

        /// Connects at once.
        init(_ namespace: String, auth: SocketIOAuth, lifetime: ClientLifetime) {
            self.namespace = namespace
            self.lifetime = lifetime
            let (events, eventsContinuation) = AsyncStream.makeStream(
                of: SocketIOEvent.self, bufferingPolicy: .bufferingOldest(SocketIOClient.maximumEvents))
            let (states, statesContinuation) = AsyncStream.makeStream(
                of: SocketIOState.self, bufferingPolicy: .bufferingNewest(Self.maximumStates))
            self.events = events
            self.states = states
            let core = NIOLoopBoundBox<SocketCore?>.makeEmptyBox(eventLoop: lifetime.eventLoop)
            self.core = core
            let status = self.status
            lifetime.onLoop { client in
                let socket = SocketCore(
                    namespace, auth: auth, client: client, status: status, events: eventsContinuation,
                    states: statesContinuation)
                core.value = socket
                socket.connect()
            }
        }

        /// The server's id of this socket; nil while it is not connected.
        public var id: String? { self.status.now.id }
        /// The id of the newest connection; empty before the first.
        public var newestID: String { self.status.now.newestID }
        public var isConnected: Bool { self.id != nil }
        /// Whether the server recovered the newest connection's state: its rooms, and the events in between.
        public var isRecovered: Bool { self.status.now.isRecovered }
        /// How many emits were dropped because too many waited for a connection.
        public var droppedEmits: Int { self.status.now.droppedEmits }

        /// Waits until it is connected, through failing attempts if the client makes more of them.
        ///
        /// - Throws: `SocketIOClientError`, when the server refuses the namespace or the client does not try again;
        ///   `CancellationError`.
        public func connected() async throws {
            let id = self.nextWaiterID.wrappingAdd(1, ordering: .relaxed).oldValue
            let joined = self.lifetime.eventLoop.makePromise(of: Void.self)
            try await withTaskCancellationHandler {
                self.onLoop { $0.awaitConnection(id, joined) }
                // Cancelled before there was something to cancel.
                if Task.isCancelled { self.onLoop { $0.cancelAwaiting(id) } }
                try await joined.futureResult.get()
            } onCancel: {
                self.onLoop { $0.cancelAwaiting(id) }
            }
        }

        /// Connects again after `disconnect()`, after a DISCONNECT of the server's, or after a refusal; sockets are made
        /// connecting.
        public func connect() {
            self.onLoop { $0.connect() }
        }

        /// Leaves the namespace and does not come back by itself. With the client's last socket, the connection ends.
        /// What waits to be sent is thrown away.
        public func disconnect() {
            self.onLoop { $0.disconnect() }
        }

        /// Takes the events of a name, on the client's event loop, in place of `events`; the handler must not block. Nil
        /// gives them back. A handler is kept until then, or until the client is closed: one that refers to its socket
        /// keeps the connection open.
        public func on(_ event: String, _ handler: (@Sendable (SocketIOEvent) -> Void)?) {
            self.onLoop { $0.handle(event, handler) }
        }

        // MARK: Sending

        /// Emits an event without an acknowledgement. Nothing happens once disconnected.
        ///
        /// - Parameter isVolatile: whether it is of no use later: dropped when not connected.
        public func emit(_ event: String, _ payload: EventPayload, isVolatile: Bool = false) {
            self.emit(event, EncodedArguments(payload), isVolatile: isVolatile)
        }

        /// Emits an event with values as its arguments. Bytes in them, at whatever depth, are `Binary`.
        ///
        /// - Throws: `EncodingError`.
        public func emit<each Argument: Encodable>(_ event: String, _ arguments: repeat each Argument) throws {
            self.emit(event, try .encoding(repeat each arguments))
        }

        /// Emits an event and waits for its acknowledgement.
        ///
        /// - Parameter timeout: from now on, also while not connected; 5 s by default.
        /// - Throws: `SocketIOClientError` with the code `acknowledgementTimeout`, `bufferFull` or `closed`;
        ///   `CancellationError`.
        public func call(
            _ event: String, _ payload: EventPayload, timeout: Duration = .seconds(5)
        ) async throws -> EventPayload {
            try await self.call(event, EncodedArguments(payload), timeout: timeout)
        }

        /// As above, with values as arguments; decodes the first argument of the acknowledgement.
        ///
        /// - Throws: `EncodingError` and `DecodingError` too.
        public func call<each Argument: Encodable, Answer: Decodable>(
            _ event: String, _ arguments: repeat each Argument, as answer: Answer.Type = Answer.self,
            timeout: Duration = .seconds(5)
        ) async throws -> Answer {
            let payload = try EventPayload.encoding(repeat each arguments)
            return try await self.call(event, payload, timeout: timeout).decode(answer, at: 0)
        }

        /// Answers an event that waits for an acknowledgement; does nothing for one that does not.
        public func acknowledge(_ event: SocketIOEvent, _ payload: EventPayload) {
            self.acknowledge(event, EncodedArguments(payload))
        }

        /// As above, with values as arguments.
        ///
        /// - Throws: `EncodingError`.
        public func acknowledge<each Argument: Encodable>(
            _ event: SocketIOEvent, _ arguments: repeat each Argument
        ) throws {
            self.acknowledge(event, try .encoding(repeat each arguments))
        }

        func emit(_ event: String, _ arguments: EncodedArguments, isVolatile: Bool = false) {
            self.onLoop { $0.emit(event, arguments, isVolatile: isVolatile) }
        }

        func call(
            _ event: String, _ arguments: EncodedArguments, timeout: Duration
        ) async throws -> EventPayload {
            let id = self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
            let answer = self.lifetime.eventLoop.makePromise(of: EventPayload.self)
            return try await withTaskCancellationHandler {
                self.onLoop { $0.call(event, arguments, id: id, timeout: TimeAmount(timeout), answer: answer) }
                // Cancelled before there was something to cancel.
                if Task.isCancelled { self.onLoop { $0.cancelCall(id) } }
                return try await answer.futureResult.get()
            } onCancel: {
                self.onLoop { $0.cancelCall(id) }
            }
        }

        func acknowledge(_ event: SocketIOEvent, _ arguments: EncodedArguments) {
            guard let id = event.acknowledgementID else { return }
            self.onLoop { $0.acknowledge(id, arguments) }
        }

        private func onLoop(_ action: @escaping @Sendable (SocketCore) -> Void) {
            let core = self.core
            self.lifetime.eventLoop.execute {
                if let core = core.value { action(core) }
            }
        }
    }
}
