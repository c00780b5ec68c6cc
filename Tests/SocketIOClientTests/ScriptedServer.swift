import EngineIO
import NIOCore
import NIOPosix

/// A server that does to each connection what the test's script says, and nothing else.
struct ScriptedServer {
    let url: String

    /// Runs `body` beside a server on a free port. The script runs once a connection; when it returns, TCP closes.
    static func run(
        _ script: @escaping @Sendable (inout ScriptedConnection) async throws -> Void,
        _ body: (ScriptedServer) async throws -> Void
    ) async throws {
        let (connections, accepted) = AsyncStream.makeStream(of: (AsyncStream<ByteBuffer>, any Channel).self)
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (inbound, received) = AsyncStream.makeStream(of: ByteBuffer.self)
                    try channel.pipeline.syncOperations.addHandler(ReceivedBytes(received))
                    accepted.yield((inbound, channel))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let url = "http://127.0.0.1:\(listener.localAddress?.port ?? 0)"
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for await (inbound, channel) in connections {
                        group.addTask {
                            var connection = ScriptedConnection(inbound: inbound, channel: channel)
                            do {
                                try await script(&connection)
                            } catch is ScriptEnded {
                            } catch {
                                try await connection.close()
                                throw error
                            }
                            try await connection.close()
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await body(ScriptedServer(url: url))
            try await listener.close()
            accepted.finish()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// Hands what a connection receives to its script.
private final class ReceivedBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let received: AsyncStream<ByteBuffer>.Continuation

    init(_ received: AsyncStream<ByteBuffer>.Continuation) {
        self.received = received
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received.yield(self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.received.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// The client closed while the script waited for it.
struct ScriptEnded: Error {}

/// What the client did is not what the script expects.
struct ScriptMismatch: Error {
    let expected: String
    let got: String
}

/// The server's side of one connection.
struct ScriptedConnection {
    private let inbound: AsyncStream<ByteBuffer>
    private let channel: any Channel
    private var parser = WebSocketParser(role: .server, maximumMessageBytes: 1 << 20)
    private var bytes = ByteBuffer()

    init(inbound: AsyncStream<ByteBuffer>, channel: any Channel) {
        self.inbound = inbound
        self.channel = channel
    }

    func write(_ bytes: ByteBuffer) async throws {
        do {
            try await self.channel.writeAndFlush(bytes)
        } catch {
            throw ScriptEnded()
        }
    }

    func close() async throws {
        do {
            try await self.channel.close()
        } catch ChannelError.alreadyClosed {
        }
    }

    /// The lines of the request's head.
    mutating func head() async throws -> [String] {
        while true {
            let text = String(buffer: self.bytes)
            if let end = text.range(of: "\r\n\r\n") {
                self.bytes.moveReaderIndex(forwardBy: text.utf8.distance(from: text.startIndex, to: end.upperBound))
                return text[..<end.lowerBound].split(separator: "\r\n").map(String.init)
            }
            try await self.read()
        }
    }

    /// A request with its body.
    mutating func request() async throws -> (head: [String], body: String) {
        let head = try await self.head()
        let length = head.first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        while self.bytes.readableBytes < length { try await self.read() }
        return (head, self.bytes.readString(length: length) ?? "")
    }

    /// Answers a request with an open connection.
    func answer(_ body: String, status: String = "200 OK", headers: [String] = []) async throws {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers + ["", ""]
        try await self.write(ByteBuffer(string: lines.joined(separator: "\r\n") + body))
    }

    /// Answers the upgrade, with further headers and with bytes in the same segment.
    mutating func upgrade(headers: [String] = [], then frames: [String] = []) async throws -> [String] {
        try await self.upgrade(try await self.head(), headers: headers, then: frames)
    }

    /// As above, the request's head being read already.
    mutating func upgrade(
        _ head: [String], headers: [String] = [], then frames: [String] = []
    ) async throws -> [String] {
        let key = head.first { $0.hasPrefix("Sec-WebSocket-Key: ") }?.dropFirst(19) ?? ""
        let lines = [
            "HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Accept: \(WebSocketAccept.value(forKey: String(key)))",
        ]
        var answer = ByteBuffer(string: (lines + headers + ["", ""]).joined(separator: "\r\n"))
        for frame in frames {
            WebSocketFrame.writeText(frame, into: &answer)
        }
        try await self.write(answer)
        return head
    }

    static let open = #"0{"sid":"e-1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#

    /// Everything until the client's namespace is connected.
    mutating func accept(open: String = Self.open) async throws {
        _ = try await self.upgrade(then: [open])
        try await self.expect("40")
        try await self.send(#"40{"sid":"s-1"}"#)
    }

    func send(_ texts: String...) async throws {
        var frames = ByteBuffer()
        for text in texts {
            WebSocketFrame.writeText(text, into: &frames)
        }
        try await self.write(frames)
    }

    func write(_ write: (inout ByteBuffer) -> Void) async throws {
        var frames = ByteBuffer()
        write(&frames)
        try await self.write(frames)
    }

    mutating func event() async throws -> WebSocketParser.Event {
        while true {
            if let event = try self.parser.next(&self.bytes) { return event }
            try await self.read()
        }
    }

    mutating func expect(_ text: String) async throws {
        try await self.expect(.text(ByteBuffer(string: text)))
    }

    mutating func expect(_ expected: WebSocketParser.Event) async throws {
        let event = try await self.event()
        guard event == expected else { throw ScriptMismatch(expected: "\(expected)", got: "\(event)") }
    }

    /// Waits for the end of TCP, and throws away what comes before.
    func awaitEnd() async throws {
        for await _ in self.inbound {}
    }

    private mutating func read() async throws {
        var iterator = self.inbound.makeAsyncIterator()
        guard var more = await iterator.next() else { throw ScriptEnded() }
        self.bytes.writeBuffer(&more)
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? {
        var start = self.utf8.startIndex
        while start < self.utf8.endIndex {
            if self.utf8[start...].starts(with: part.utf8) {
                return start..<self.utf8.index(start, offsetBy: part.utf8.count)
            }
            start = self.utf8.index(after: start)
        }
        return nil
    }
}
