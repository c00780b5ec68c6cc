public import NIOCore

/// The client as the socket of its configuration's namespace, with arguments that are JSON texts.
extension SocketIOClient {
    /// The Socket.IO `sid` of the newest connection; empty before the first.
    public var socketID: String { self.main.newestID }

    /// What the server emits in the namespace, as `Socket.events`.
    public var events: AsyncStream<SocketIOEvent> { self.main.events }

    /// Emits an event with one argument, given as JSON text, without an acknowledgement. Nothing happens once closed.
    public func emit(_ event: String, _ json: String) {
        self.main.emit(event, EncodedArguments(raw: json))
    }

    /// Emits a binary event; the placeholders in the JSON are the caller's, right or wrong. `Socket.emit` writes them.
    public func emit(_ event: String, _ json: String, attachments: [ByteBuffer]) {
        self.main.emit(event, EncodedArguments(raw: json, attachments: attachments))
    }

    /// Emits an event with one argument, given as JSON text, and waits for its acknowledgement.
    ///
    /// - Returns: the acknowledgement's first argument as JSON text; `null` where it has none.
    /// - Throws: `SocketIOClientError` with the code `acknowledgementTimeout`, `bufferFull` or `closed`;
    ///   `CancellationError`.
    public func call(_ event: String, _ json: String, timeout: Duration = .seconds(5)) async throws -> String {
        try await self.main.call(event, EncodedArguments(raw: json), timeout: timeout).text
    }

    /// Answers an event that waits for an acknowledgement with one argument, given as JSON text.
    public func acknowledge(_ event: SocketIOEvent, _ json: String) {
        self.main.acknowledge(event, EncodedArguments(raw: json))
    }
}
