import EngineIO
import NIOCore
import NIOPosix
import SocketIO
import SocketIOClient
import Synchronization

/// What the sockets of a test did, told from any event loop.
final class SocketRecorder: Sendable {
    struct Record {
        var connected = 0
        var events: [String] = []
        var disconnected: [DisconnectReason] = []
        var drained: [Set<String>] = []
        var answers: [String?] = []
        var running = 0
    }

    private let record = Mutex(Record())

    var all: Record { record.withLock { $0 } }

    func change(_ body: (inout Record) -> Void) {
        record.withLock { body(&$0) }
    }
}

/// Does what its events say, so that a test can have it from outside.
struct EchoHandler: SocketHandler {
    let recorder = SocketRecorder()
    let gate = Gate()

    nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision {
        switch auth?["be"]?.string {
        case "refused": return .refuse(ConnectRefusal(message: "no \"you\"", data: .emptyObject))
        case "retry": return .retry
        case "slow":
            await gate.wait()
            return .accept
        default: return .accept
        }
    }

    func connected(_ socket: Socket) {
        recorder.change { $0.connected += 1 }
        socket.emit("welcome", .emptyObject)
    }

    func admits(_ event: SocketEvent, on socket: Socket) -> Bool { event.name != "unwanted" }

    nonisolated(nonsending) func handle(_ event: SocketEvent, on socket: Socket) async throws(JSONError) {
        let payload = try event.payload()
        let argument = payload.arguments.first
        recorder.change {
            $0.events.append(event.name)
            $0.running += 1
        }
        defer { recorder.change { $0.running -= 1 } }
        switch event.name {
        case "join": socket.join(argument?.string ?? "")
        case "leave": socket.leave(argument?.string ?? "")
        case "wait": await gate.wait()
        case "kick": socket.disconnect()
        case "drop": socket.disconnect(closingTransportOnly: true)
        case "ask":
            let answer: JSONBytes?
            do {
                answer = try await socket.emitWithAck(
                    "question", .emptyObject, timeout: .milliseconds(argument?.int ?? 0))
            } catch {
                answer = nil
            }
            recorder.change { $0.answers.append(answer.map { String(buffer: $0.buffer) }) }
        case "big":
            socket.emit("big", JSONBytes(string: String(repeating: "x", count: argument?.int ?? 0)))
        default: break
        }
        socket.acknowledge(event, EventPayload([argument ?? .null], attachments: payload.attachments))
    }

    func drained(_ socket: Socket, missed: Set<String>) {
        recorder.change { $0.drained.append(missed) }
    }

    func disconnected(_ socket: Socket, rooms: Set<String>, reason: DisconnectReason) {
        recorder.change { $0.disconnected.append(reason) }
        // What is done with a socket that is gone does nothing.
        socket.emit("late", .null)
        socket.join("late")
        socket.disconnect()
        socket.disconnect(closingTransportOnly: true)
    }
}

/// Holds whoever waits until it is opened.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// A Socket.IO server on a free port of this machine.
struct EchoServer {
    let handler: EchoHandler
    let server: SocketIOServer
    let sockets: Namespace
    let port: Int

    func client(auth: String? = nil, namespace: String = "/") async throws -> SocketIOClient {
        try await SocketIOClient.connect(
            .init(url: "http://127.0.0.1:\(port)", auth: auth, namespace: namespace),
            on: MultiThreadedEventLoopGroup.singleton.next())
    }

    static func run(
        _ configuration: SocketIOConfiguration = SocketIOConfiguration(),
        engine: EngineConfiguration = EngineConfiguration(), _ body: (EchoServer) async throws -> Void
    ) async throws {
        let handler = EchoHandler()
        try await TestServer.run(configuration, engine: engine, define: { $0.namespace("/", handler: handler) }) {
            test in
            defer { handler.gate.open() }
            try await body(
                EchoServer(handler: handler, server: test.io, sockets: test.io.namespace("/"), port: test.port))
        }
    }
}
