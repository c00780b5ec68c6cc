public import NIOCore
import Synchronization

/// A Socket.IO client over WebSocket, for tests and tools: one connection, one namespace, no reconnection.
///
/// Any thread may call it. It closes its connection when it is no longer referenced.
public final class SocketIOClient: Sendable {
    /// What may wait in `events` unread; one more closes the connection with `overflow`.
    public static let maximumEvents = 65_536

    public let eventLoop: any EventLoop
    /// The headers of the 101 (`Set-Cookie`).
    public let handshakeHeaders: [(String, String)]
    /// The Engine.IO `sid`.
    public let engineID: String
    /// The Socket.IO `sid`.
    public let socketID: String
    /// What the server emits in our namespace, in order, from the first event on; for one reader. Ends when the
    /// connection ends.
    public let events: AsyncStream<SocketIOEvent>
    /// How the connection ended. Does not fail.
    public let closed: EventLoopFuture<SocketIOCloseReason>

    private let session: NIOLoopBound<SocketIOClientSession>
    private let nextID = Atomic<Int>(0)

    init(session: SocketIOClientSession, handshakeHeaders: [(String, String)]) {
        let connection = session.connection
        self.eventLoop = session.eventLoop
        self.handshakeHeaders = handshakeHeaders
        self.engineID = connection?.engineID ?? ""
        self.socketID = connection?.socketID ?? ""
        self.events = session.events
        self.closed = session.closed.futureResult
        self.session = NIOLoopBound(session, eventLoop: session.eventLoop)
    }

    deinit {
        let session = self.session
        self.eventLoop.execute { session.value.connection?.abort() }
    }

    /// Opens the WebSocket, reads the open packet, and connects to the namespace.
    ///
    /// - Throws: `SocketIOClientError`; `CancellationError` when the task is cancelled.
    public static func connect(
        _ configuration: Configuration, on eventLoop: any EventLoop
    ) async throws -> SocketIOClient {
        let opened = eventLoop.makePromise(of: SocketIOClient.self)
        let session = try await eventLoop.submit {
            let session = SocketIOClientSession(configuration, on: eventLoop, opened: opened)
            return NIOLoopBound(session, eventLoop: eventLoop)
        }.get()
        return try await withTaskCancellationHandler {
            try await opened.futureResult.get()
        } onCancel: {
            eventLoop.execute { session.value.cancelConnecting() }
        }
    }

    /// Emits an event with one argument, given as JSON text, without an acknowledgement. Nothing happens once closed.
    public func emit(_ event: String, _ json: String) {
        self.onLoop { $0.emit(event, json, id: nil, attachments: []) }
    }

    /// Emits a binary event; the placeholders in the JSON are the caller's.
    public func emit(_ event: String, _ json: String, attachments: [ByteBuffer]) {
        self.onLoop { $0.emit(event, json, id: nil, attachments: attachments) }
    }

    /// Emits an event with one argument, given as JSON text, and waits for its acknowledgement.
    ///
    /// - Returns: the acknowledgement's first argument as JSON text; `null` where it has none.
    /// - Throws: `SocketIOClientError` with the code `acknowledgementTimeout` or `closed`; `CancellationError`.
    public func call(_ event: String, _ json: String, timeout: Duration = .seconds(5)) async throws -> String {
        let id = self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue
        let answer = self.eventLoop.makePromise(of: String.self)
        return try await withTaskCancellationHandler {
            self.onLoop { $0.call(event, json, id: id, timeout: TimeAmount(timeout), answer: answer) }
            // Cancelled before there was something to cancel.
            if Task.isCancelled { self.onLoop { $0.cancelCall(id: id) } }
            return try await answer.futureResult.get()
        } onCancel: {
            self.onLoop { $0.cancelCall(id: id) }
        }
    }

    /// Answers an event that waits for an acknowledgement with one argument, given as JSON text.
    public func acknowledge(_ event: SocketIOEvent, _ json: String) {
        guard let id = event.acknowledgementID else { return }
        self.onLoop { $0.acknowledge(id: id, json) }
    }

    /// Disconnects (`41`), closes the WebSocket, and waits for the end: 2 s at most.
    public func close() async {
        self.onLoop { $0.connection?.close() }
        _ = try? await self.closed.get()  // the future never fails
    }

    /// Closes TCP at once, as a client that dies.
    public func abort() {
        self.onLoop { $0.connection?.abort() }
    }

    /// Sends a text frame with this payload, whatever it is.
    public func sendRaw(_ text: String) {
        let payload = ByteBuffer(string: text)
        self.onLoop { $0.connection?.send(payload) }
    }

    /// Sends a binary frame with this payload.
    public func sendRawBinary(_ payload: ByteBuffer) {
        self.onLoop { $0.connection?.sendBinary(payload) }
    }

    /// Sends bytes on the TCP connection as they are, without a frame.
    public func sendRawBytes(_ bytes: [UInt8]) {
        let bytes = ByteBuffer(bytes: bytes)
        self.onLoop { $0.connection?.sendBytes(bytes) }
    }

    private func onLoop(_ action: @escaping @Sendable (SocketIOClientSession) -> Void) {
        let session = self.session
        self.eventLoop.execute { action(session.value) }
    }
}
