import Foundation
import Hummingbird
import HummingbirdEngine
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

@Suite("A listener on every event loop", .timeLimit(.minutes(1)))
struct EngineListenerTests {
    private static let page = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"

    /// An engine that runs, and what listeners of it need.
    private func run(
        threads: Int = 3, _ body: (_ engine: EngineServer, _ application: EchoApplication) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let application = EchoApplication()
        let engine = EngineServer(
            configuration: EngineConfiguration(), eventLoops: Array(group.makeIterator()), application: application)
        try await engine.start()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await engine.run() }
            defer { engine.stop() }
            try await body(engine, application)
        }
        try await group.shutdownGracefully()
    }

    private func listener(
        _ engine: EngineServer, port: Int = 0, mayAccept: @escaping @Sendable () -> Bool = { true },
        onListening: @escaping @Sendable (Int) -> Void
    ) -> EngineListener {
        let router = Router()
        router.get("page") { _, _ in "a page" }
        router.post("page") { request, _ in
            var request = request
            return String(buffer: try await request.collectBody(upTo: 1_024))
        }
        // Says something now and something at the end.
        router.get("stream") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "begun"))
                    await cancelWhenGracefulShutdown { try? await Task.sleep(for: .seconds(3_600)) }
                    try await writer.write(ByteBuffer(string: "ended"))
                    try await writer.finish(nil)
                })
        }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return EngineListener(
            engine: engine, router: router, host: "127.0.0.1", port: port, mayAccept: mayAccept, logger: logger,
            onListening: { onListening($0.port ?? 0) })
    }

    /// A listener that can be told to stop.
    private func service(
        _ engine: EngineServer
    ) async throws -> (group: ServiceGroup, running: Task<Void, any Error>, port: Int) {
        let port = Port()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let group = ServiceGroup(
            services: [listener(engine, onListening: port.set)], gracefulShutdownSignals: [], logger: logger)
        return (group, Task { try await group.run() }, try await port.get())
    }

    /// A port that is known once somebody listens.
    private final class Port: Sendable {
        private let number = Mutex<Int?>(nil)

        func set(_ port: Int) { number.withLock { $0 = port } }

        func get() async throws -> Int {
            try await eventually { self.number.withLock { $0 } != nil }
            return try #require(number.withLock { $0 })
        }
    }

    @Test("every event loop gets some of the connections, and keeps them")
    func spread() async throws {
        try await run { engine, application in
            let port = Port()
            let listening = Task { try await listener(engine, onListening: port.set).run() }
            var peers: [RawPeer] = []
            for _ in 0..<90 {
                let peer = try await RawPeer.connect(port.get())
                try await peer.send(RawPeer.upgrade)
                peers.append(peer)
            }
            try await eventually { peers.allSatisfy { $0.statuses == [101] } }
            for shard in engine.shards {
                let count = try await shard.eventLoop.submit { shard.local.value?.connectionCount ?? 0 }.get()
                #expect(count > 0)
            }
            #expect(engine.counters.connections.value == 90)
            // Cancelled: nobody is waited for.
            listening.cancel()
            try await listening.value
            try await eventually { peers.allSatisfy(\.isClosed) && engine.counters.connections.value == 0 }
            #expect(application.recorder.all.closed.count == 90)
        }
    }

    @Test("a port on which another listens is refused, whoever asks, and the other one keeps all its clients")
    func taken() async throws {
        try await run { engine, application in
            let port = Port()
            let listening = Task { try await listener(engine, onListening: port.set).run() }
            let number = try await port.get()
            try await run { second, _ in
                await #expect(throws: IOError.self) {
                    try await listener(second, port: number, onListening: { _ in }).run()
                }
                #expect(second.counters.channels.value == 0)
            }
            for _ in 0..<20 {
                let peer = try await RawPeer.connect(number)
                try await peer.send(RawPeer.upgrade)
                try await eventually { peer.statuses == [101] }
            }
            listening.cancel()
            try await listening.value
        }
    }

    @Test("a graceful shutdown accepts nobody, ends every connection in its own way, and waits for the last")
    func quiescing() async throws {
        try await run { engine, application in
            let (group, running, number) = try await service(engine)
            let (idle, reader, socket) = (
                try await RawPeer.connect(number), try await RawPeer.connect(number), try await RawPeer.connect(number)
            )
            try await reader.send(Self.page)
            try await socket.send(RawPeer.upgrade)
            try await eventually { reader.statuses == [200] && socket.statuses == [101] }
            try await eventually { engine.counters.channels.value == 3 }
            await group.triggerGracefulShutdown()
            try await eventually { idle.isClosed && reader.isClosed }
            // RFC 6455, 7.4.1: the server says that it goes away.
            try await eventually { socket.endsWith([.close(1001)]) }
            try await running.value
            #expect(engine.counters.channels.value == 0)
            #expect(application.recorder.all.closed == [.serverShuttingDown])
            await #expect(throws: (any Error).self) { try await RawPeer.connect(number) }
        }
    }

    @Test("whoever answers a request hears of the shutdown, and may end what it says")
    func streaming() async throws {
        try await run { engine, _ in
            let (group, running, number) = try await service(engine)
            let reader = try await RawPeer.connect(number)
            try await reader.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually { reader.text.contains("begun") }
            await group.triggerGracefulShutdown()
            try await running.value
            try await eventually { reader.isClosed }
            #expect(reader.text.contains("ended"))
        }
    }

    @Test(
        "a listening socket that the system takes away ends the listener with an error, and its connections",
        arguments: 0..<3)
    func lost(_ which: Int) async throws {
        try await run { engine, application in
            let port = Port()
            let listening = Task { try await listener(engine, onListening: port.set).run() }
            let number = try await port.get()
            let peer = try await RawPeer.connect(number)
            try await peer.send(RawPeer.upgrade)
            try await eventually { peer.statuses == [101] }
            let descriptors = (3..<1_024).filter { Self.listens(CInt($0), on: number) }
            try #require(descriptors.count == 3)
            #expect(shutdown(CInt(descriptors[which]), CInt(SHUT_RDWR)) == 0)
            await #expect(throws: ListenerLost.self) { try await listening.value }
            try await eventually { peer.isClosed && application.recorder.all.closed.count == 1 }
        }
    }

    private static func listens(_ descriptor: CInt, on port: Int) -> Bool {
        var (isListening, size) = (CInt(0), socklen_t(MemoryLayout<CInt>.size))
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening != 0 else {
            return false
        }
        // The port is the third and fourth byte of every such address.
        var length = socklen_t(16)
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { address in
            guard getsockname(descriptor, address.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length) == 0
            else { return false }
            return Int(address[2]) << 8 | Int(address[3]) == port
        }
    }

    @Test("a body that is no HTTP is a 400 while it is read")
    func badBody() async throws {
        try await run { engine, _ in
            let port = Port()
            let listening = Task { try await listener(engine, onListening: port.set).run() }
            let peer = try await RawPeer.connect(port.get())
            try await peer.send("POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [400])
            listening.cancel()
            try await listening.value
        }
    }

    @Test("who comes while nobody may be accepted waits, and is served afterwards")
    func pause() async throws {
        try await run(threads: 1) { engine, _ in
            let port = Port()
            let mayAccept = Mutex(true)
            let asked = Mutex(0)
            let gate: @Sendable () -> Bool = {
                asked.withLock { $0 += 1 }
                return mayAccept.withLock { $0 }
            }
            let shared = listener(engine, mayAccept: gate, onListening: port.set)
            let listening = Task { try await shared.run() }
            let number = try await port.get()
            mayAccept.withLock { $0 = false }
            // Accepted by leave that was given before.
            let first = try await RawPeer.connect(number)
            try await first.send(Self.page)
            try await eventually { first.statuses == [200] }
            let second = try await RawPeer.connect(number)
            try await second.send(Self.page)
            let before = asked.withLock { $0 }
            try await eventually { asked.withLock { $0 } > before + 3 }
            #expect(second.statuses.isEmpty)
            mayAccept.withLock { $0 = true }
            try await eventually { second.statuses == [200] }
            listening.cancel()
            try await listening.value
        }
    }

    @Test("a request in pieces opens a WebSocket like one that is whole", arguments: [1, 15, 16, 17, 40, -1])
    func pieces(_ cut: Int) async throws {
        let application = EchoApplication()
        try await EngineTestServer.run(application) { port, _ in
            let bytes = Array(RawPeer.upgrade.utf8)
            let cut = cut > 0 ? cut : bytes.count - 1
            let peer = try await RawPeer.connect(port)
            try await peer.send(Array(bytes[..<cut]))
            // The other piece comes when the first has been read.
            let other = try await RawPeer.connect(port)
            try await other.send(Self.page)
            try await eventually { other.statuses == [200] }
            try await peer.send(Array(bytes[cut...]))
            try await eventually { peer.text.contains("maxPayload") }
            #expect(peer.statuses == [101])
            try await peer.send([.text("4hello")])
            try await eventually { peer.endsWith([.text("4hello")]) }
        }
    }

    @Test("frames that come before the decision are read after it; after a refusal they are thrown away")
    func impatient() async throws {
        let decisions = Mutex<[CheckedContinuation<HandshakeDecision, Never>]>([])
        var application = EchoApplication()
        application.authorization = { _ in
            .later { await withCheckedContinuation { decision in decisions.withLock { $0.append(decision) } } }
        }
        try await EngineTestServer.run(application) { port, engine in
            var peers: [RawPeer] = []
            for _ in 0..<2 {
                let peer = try await RawPeer.connect(port)
                try await peer.send(RawPeer.upgrade)
                peers.append(peer)
                try await eventually { decisions.withLock { $0.count } == peers.count }
                try await peer.send([.text("4a")])
                try await peer.send([.text("4b")])
            }
            let waiting = decisions.withLock { $0 }
            waiting[0].resume(returning: .accept(headers: [], context: ()))
            waiting[1].resume(returning: .refuse(.forbidden("no")))
            try await eventually { peers[0].endsWith([.text("4a"), .text("4b")]) }
            try await peers[0].send([.text("4c")])
            try await eventually { peers[0].endsWith([.text("4c")]) }
            try await eventually { peers[1].isClosed }
            #expect(peers.map(\.statuses) == [[101], [403]])
            #expect(application.recorder.all.texts == ["a", "b", "c"])
            #expect(engine.counters.connections.value == 1)
        }
    }
}
