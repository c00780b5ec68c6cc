public import Logging
import NIOCore

/// What a handler answers in place of its result: `{"ok":false,"error":CODE,"message":TEXT}`.
public struct EventFailure: Error, Sendable {
    /// For programs: lower case, words joined by `_`.
    public let code: String
    /// For people.
    public let message: String

    /// Fails with a code for programs and a text for people. The client sees both.
    public init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }

    var json: JSONBytes {
        var object = JSONObjectWriter()
        object.member("ok", bool: false)
        object.member("error", string: code)
        object.member("message", string: message)
        return object.finish()
    }
}

/// A ``SocketHandler`` made of closures: one for each event, and for what else happens to a socket.
///
/// A closure runs on its socket's event loop, before and after every `await`; the events of one socket are handled one
/// after the other. What a handler returns is the acknowledgement. What it throws is answered too: an ``EventFailure`` as it
/// is, arguments that do not decode as `bad_request`, anything else as `internal` with an id that is in the log.
public struct EventRouter: SocketHandler {
    /// Handles an event as it came. `nil`: the handler has acknowledged it by itself, or will.
    public typealias Handler =
        @Sendable (Socket, SocketEvent) async throws -> EventPayload?
    /// Lets a socket in, or throws a ``ConnectRefusal``.
    public typealias Middleware = @Sendable (Socket, JSONBytes?) async throws -> Void

    /// Lets an event through to its handler, or throws.
    public typealias EventMiddleware = @Sendable (Socket, SocketEvent) async throws -> Void

    private let logger: Logger
    private var middleware: [Middleware] = []
    private var eventMiddleware: [EventMiddleware] = []
    private var handlers: [String: Handler] = [:]
    private var serverHandlers: [String: @Sendable (EventPayload) async -> EventPayload] = [:]
    private var fallback: Handler?
    private var onConnected: [@Sendable (Socket) -> Void] = []
    private var onEvent: [@Sendable (Socket, SocketEvent) -> Void] = []
    private var onDisconnecting: [@Sendable (Socket, DisconnectReason) -> Void] = []
    private var onDisconnected: [@Sendable (Socket, DisconnectReason) -> Void] = []

    /// - Parameter logger: gets what handlers throw.
    public init(logger: Logger = Logger(label: "socket.io")) {
        self.logger = logger
    }

    // MARK: What happens to a socket

    /// Decides about a CONNECT, after those that were added before. A ``ConnectRefusal`` that it throws is the client's
    /// `connect_error`; any other error closes the transport, so that the client comes back.
    public mutating func use(_ middleware: @escaping Middleware) {
        self.middleware.append(middleware)
    }

    /// A socket is connected; its first event is handled after this.
    public mutating func onConnection(_ body: @escaping @Sendable (Socket) -> Void) {
        onConnected.append(body)
    }

    /// A socket is about to go; it is still in its rooms.
    public mutating func onDisconnecting(_ body: @escaping @Sendable (Socket, DisconnectReason) -> Void) {
        onDisconnecting.append(body)
    }

    /// A socket is gone.
    public mutating func onDisconnect(_ body: @escaping @Sendable (Socket, DisconnectReason) -> Void) {
        onDisconnected.append(body)
    }

    // MARK: Events

    /// Asks about every event before it goes to its handler, after those that were added before; Socket.IO's `socket.use`.
    /// What it throws is answered as if the handler had thrown it, and the handler is not called.
    public mutating func useEvents(_ middleware: @escaping EventMiddleware) {
        eventMiddleware.append(middleware)
    }

    /// Handles an event with its arguments decoded; what it returns is the acknowledgement.
    ///
    /// An argument that is missing is `null`; those that are too many are ignored.
    public mutating func on<each Argument: Decodable & SendableMetatype, Answer: Encodable & SendableMetatype>(
        _ event: String,
        _ handler: @escaping @Sendable (Socket, repeat each Argument) async throws -> Answer
    ) {
        handlers[event] = { socket, event in
            var arguments = ArgumentReader(payload: try event.payload())
            let values = (repeat try arguments.next((each Argument).self))
            return try .encoding(await handler(socket, repeat each values))
        }
    }

    /// Handles an event with its arguments decoded. Its acknowledgement is empty.
    public mutating func on<each Argument: Decodable & SendableMetatype>(
        _ event: String,
        _ handler: @escaping @Sendable (Socket, repeat each Argument) async throws -> Void
    ) {
        handlers[event] = { socket, event in
            var arguments = ArgumentReader(payload: try event.payload())
            let values = (repeat try arguments.next((each Argument).self))
            try await handler(socket, repeat each values)
            return EventPayload()
        }
    }

    /// Handles an event as it came: nothing is parsed before the handler asks.
    public mutating func onRaw(_ event: String, _ handler: @escaping Handler) {
        handlers[event] = handler
    }

    /// Handles the events that have no handler. Without it they are ignored.
    public mutating func onOther(_ handler: @escaping Handler) {
        fallback = handler
    }

    /// Sees every event before all others do, and cannot stop it.
    public mutating func onAny(_ body: @escaping @Sendable (Socket, SocketEvent) -> Void) {
        onEvent.append(body)
    }

    /// Handles an event of another node's ``Namespace/serverSideEmit(_:_:)``; what it returns is the answer.
    public mutating func onServerEvent(
        _ event: String, _ handler: @escaping @Sendable (EventPayload) async -> EventPayload
    ) {
        serverHandlers[event] = handler
    }

    // MARK: SocketHandler

    public nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision {
        do {
            for middleware in middleware {
                try await middleware(socket, auth)
            }
            return .accept
        } catch let refusal as ConnectRefusal {
            return .refuse(refusal)
        } catch {
            logger.error("could not decide about a connection", metadata: ["error": "\(error)"])
            return .retry
        }
    }

    public func connected(_ socket: Socket) {
        for body in onConnected { body(socket) }
    }

    public nonisolated(nonsending) func handle(_ event: SocketEvent, on socket: Socket) async throws(JSONError) {
        for body in onEvent { body(socket, event) }
        let handler = handlers[event.name] ?? fallback
        guard handler != nil || !eventMiddleware.isEmpty else { return }
        let answer: EventPayload?
        do {
            for middleware in eventMiddleware {
                try await middleware(socket, event)
            }
            // The socket may be gone since the event came.
            guard let handler, socket.isConnected else { return }
            answer = try await handler(socket, event)
        } catch let error as JSONError {
            throw error
        } catch let failure as EventFailure {
            answer = EventPayload([failure.json])
        } catch let error as DecodingError {
            logger.debug(
                "the arguments of an event are not what its handler expects",
                metadata: ["event": "\(event.name)", "path": "\(error.path)"])
            answer = EventPayload([
                EventFailure("bad_request", "\(event.name): its arguments are not what is expected").json
            ])
        } catch {
            let id = SocketID.random().string
            logger.error(
                "a handler failed", metadata: ["event": "\(event.name)", "id": "\(id)", "error": "\(error)"])
            answer = EventPayload([EventFailure("internal", "the server failed; it is in its log as \(id)").json])
        }
        if let answer { socket.acknowledge(event, answer) }
    }

    public func disconnecting(_ socket: Socket, reason: DisconnectReason) {
        for body in onDisconnecting { body(socket, reason) }
    }

    public func disconnected(_ socket: Socket, rooms: Set<String>, reason: DisconnectReason) {
        for body in onDisconnected { body(socket, reason) }
    }

    public func serverEvent(_ name: String, _ payload: EventPayload) async -> EventPayload {
        await serverHandlers[name]?(payload) ?? EventPayload()
    }
}

extension DecodingError {
    /// Where the value is wrong: the names of members and indices that lead there, not what is there. Empty for the
    /// argument itself.
    fileprivate var path: String {
        let path =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: [any CodingKey]()
            }
        return path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}

/// Decodes an event's arguments, one after the other.
private struct ArgumentReader {
    let payload: EventPayload
    private var index = 0

    init(payload: EventPayload) {
        self.payload = payload
    }

    mutating func next<Value: Decodable>(_ type: Value.Type) throws -> Value {
        defer { index += 1 }
        return try payload.decode(type, at: index)
    }
}
