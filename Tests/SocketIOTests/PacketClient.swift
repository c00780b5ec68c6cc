import NIOCore
import NIOPosix

/// A client that hides nothing: a WebSocket on which a test sends packets as it likes, and sees those that come, one
/// after the other. Only Engine.IO's heartbeat is answered by itself.
final class PacketClient: Sendable {
    enum Message: Equatable {
        /// A Socket.IO packet, without Engine.IO's type digit.
        case text(String)
        case binary([UInt8])
        /// The connection is over; with the close frame's code, if there was one.
        case end(code: Int?)
    }

    private let channel: any Channel
    private let handler: NIOLoopBound<PacketClientHandler>

    private init(_ channel: any Channel, _ handler: NIOLoopBound<PacketClientHandler>) {
        self.channel = channel
        self.handler = handler
    }

    static func open(port: Int) async throws -> PacketClient {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PacketClientHandler(channel.eventLoop))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let handler = try await channel.pipeline.handler(type: PacketClientHandler.self).map {
            NIOLoopBound($0, eventLoop: channel.eventLoop)
        }.get()
        return PacketClient(channel, handler)
    }

    /// Opens a connection and connects it to a namespace.
    ///
    /// - Returns: with the socket's id.
    static func connect(
        port: Int, _ namespace: String = "/", auth: String = ""
    ) async throws -> (client: PacketClient, id: String) {
        let client = try await open(port: port)
        return (client, try await client.connect(namespace, auth: auth))
    }

    /// Connects to a namespace.
    ///
    /// - Returns: the socket's id.
    @discardableResult
    func connect(_ namespace: String = "/", auth: String = "") async throws -> String {
        let prefix = namespace == "/" ? "" : namespace + ","
        send("0" + prefix + auth)
        let answer = try await packet()
        let start = "0" + prefix + #"{"sid":""#
        guard answer.hasPrefix(start), answer.hasSuffix(#""}"#) else { throw PacketClientError(said: answer) }
        return String(answer.dropFirst(start.count).dropLast(2))
    }

    /// Sends a Socket.IO packet.
    func send(_ text: String) {
        write(0x81, Array("4".utf8) + Array(text.utf8))
    }

    /// Sends a binary message.
    func send(_ bytes: [UInt8]) {
        write(0x82, bytes)
    }

    private func write(_ head: UInt8, _ payload: [UInt8]) {
        var frame = ByteBuffer()
        frame.writeInteger(head)
        if payload.count < 126 {
            frame.writeInteger(0x80 | UInt8(payload.count))
        } else {
            frame.writeInteger(0x80 | UInt8(payload.count > 65_535 ? 127 : 126))
            if payload.count > 65_535 {
                frame.writeInteger(UInt64(payload.count))
            } else {
                frame.writeInteger(UInt16(payload.count))
            }
        }
        frame.writeInteger(UInt32(0))  // a mask that changes nothing
        frame.writeBytes(payload)
        channel.writeAndFlush(frame, promise: nil)
    }

    /// Ends the connection without a word.
    func abort() {
        channel.close(promise: nil)
    }

    /// Whether it reads what the server sends.
    func reads(_ reads: Bool) async throws {
        try await channel.setOption(.autoRead, value: reads).get()
    }

    /// The next message.
    ///
    /// - Throws: `PacketClientError` when none comes within 10 s.
    func next() async throws -> Message {
        let handler = handler
        return try await channel.eventLoop.flatSubmit { handler.value.next() }.get()
    }

    /// The next message, which is a packet.
    func packet() async throws -> String {
        let message = try await next()
        guard case .text(let text) = message else { throw PacketClientError(said: "\(message)") }
        return text
    }

    /// What comes until the connection is over.
    func rest() async throws -> [Message] {
        var messages: [Message] = []
        while true {
            let message = try await next()
            messages.append(message)
            if case .end = message { return messages }
        }
    }
}

struct PacketClientError: Error {
    let said: String
}

/// Confined to its event loop.
private final class PacketClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let eventLoop: any EventLoop
    private var buffer = ByteBuffer()
    private var isUpgraded = false
    private var messages = CircularBuffer<PacketClient.Message>()
    private var waiter: EventLoopPromise<PacketClient.Message>?
    private var hasEnded = false

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func next() -> EventLoopFuture<PacketClient.Message> {
        let promise = eventLoop.makePromise(of: PacketClient.Message.self)
        if let message = messages.popFirst() {
            promise.succeed(message)
        } else if hasEnded {
            promise.succeed(.end(code: nil))
        } else {
            waiter = promise
            let timer = eventLoop.scheduleTask(in: .seconds(10)) {
                promise.fail(PacketClientError(said: "nothing within 10 s"))
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
        }
        return promise.futureResult
    }

    private func came(_ message: PacketClient.Message) {
        guard !hasEnded else { return }
        if case .end = message { hasEnded = true }
        if let waiter {
            self.waiter = nil
            waiter.succeed(message)
        } else {
            messages.append(message)
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: RawSocket.upgrade)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        came(.end(code: nil))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.writeImmutableBuffer(unwrapInboundIn(data))
        if !isUpgraded {
            let head = Array("\r\n\r\n".utf8)
            let view = buffer.readableBytesView
            guard let end = view.indices.first(where: { view[$0...].starts(with: head) }) else { return }
            isUpgraded = true
            buffer.moveReaderIndex(to: end + head.count)
        }
        while let (opcode, payload) = readFrame() {
            switch opcode {
            case 1 where payload.first == UInt8(ascii: "2"):
                context.writeAndFlush(
                    wrapOutboundOut(ByteBuffer(bytes: [0x81, 0x81, 0, 0, 0, 0, UInt8(ascii: "3")])), promise: nil)
            case 1 where payload.first == UInt8(ascii: "4"):
                came(.text(String(decoding: payload.dropFirst(), as: UTF8.self)))
            case 1: break
            case 2: came(.binary(payload))
            case 8: came(.end(code: payload.count < 2 ? nil : Int(payload[0]) << 8 | Int(payload[1])))
            default: break
            }
        }
        buffer.discardReadBytes()
    }

    /// A server's frames are neither masked nor fragmented.
    private func readFrame() -> (opcode: UInt8, payload: [UInt8])? {
        var rest = buffer
        guard let head = rest.readInteger(as: UInt8.self), let short = rest.readInteger(as: UInt8.self) else {
            return nil
        }
        let length: Int? =
            switch short {
            case 126: rest.readInteger(as: UInt16.self).map { Int($0) }
            case 127: rest.readInteger(as: UInt64.self).map { Int($0) }
            default: Int(short)
            }
        guard let length, let payload = rest.readBytes(length: length) else { return nil }
        buffer = rest
        return (head & 0x0f, payload)
    }
}
