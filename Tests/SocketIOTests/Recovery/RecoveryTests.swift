import EngineIO
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import SocketIO

/// Sockets that come back, and what hostile ones leave behind.
@Suite struct RecoveryTests {
    private static let auth = #"{"pid":"0123456789012345678901","offset":"1-1"}"#

    /// Knows one state for everybody, or none.
    private final class Store: RecoveryStore {
        private let hear = Mutex<(@Sendable (RecoveryEvent) -> Void)?>(nil)
        private let recoverable: Bool

        init(recoverable: Bool) {
            self.recoverable = recoverable
        }

        func listen(
            namespace: String, _ hear: @escaping @Sendable (RecoveryEvent) -> Void
        ) async throws(AdapterError) {
            self.hear.withLock { $0 = hear }
        }

        func write(_ writes: [RecoveryWrite], namespace: String, options: RecoveryOptions) async -> [AdapterError?] {
            writes.map { _ in nil }
        }

        func recover(
            id: String, owner: String, since offset: RecoveryOffset?, namespace: String, options: RecoveryOptions
        ) async throws(AdapterError) -> RecoveredState? {
            guard recoverable else { return nil }
            // Messages are lost while the state is on its way.
            hear.withLock { $0 }?(.missed)
            let state = RecoverableState(id: id, owner: owner, socket: SocketID("earlier"), rooms: [], data: nil)
            return RecoveredState(state: state, messages: [], offset: RecoveryOffset(epoch: 1, number: 1))
        }
    }

    private func run(
        _ router: EventRouter = EventRouter(), recoverable: Bool, _ body: (TestServer) async throws -> Void
    ) async throws {
        let recovery = RecoveryOptions(store: Store(recoverable: recoverable))
        try await TestServer.run(define: { $0.namespace("/", handler: router, recovery: recovery) }) { server in
            let recoveries = server.io.core.recoveries
            try await eventually { recoveries.allSatisfy(\.isListening) }
            try await body(server)
        }
    }

    @Test("a client that is gone before its state is looked for leaves nothing behind")
    func goneAtOnce() async throws {
        try await run(recoverable: false) { server in
            for _ in 0..<20 {
                let socket = try RawSocket(port: server.port)
                socket.write(RawSocket.upgrade + RawSocket.frame("40" + Self.auth) + [0x88, 0x80, 0, 0, 0, 0])
                _ = socket.read(until: "\u{88}")
                socket.end()
            }
            // On each event loop one that was decided about later.
            for _ in 0..<2 {
                let client = try await PacketClient.open(port: server.port)
                client.send("0")
                #expect(try await client.packet().hasPrefix("0{"))
            }
            let waiting = await server.io.core.hubs.gather { $0["/"]?.restoring.count ?? 0 }
            #expect(waiting == [0, 0])
        }
    }

    @Test("a socket that cannot be given all that it missed is closed, and its handler hears nothing of it")
    func incomplete() async throws {
        let heard = Heard()
        var router = EventRouter()
        router.onConnection { _ in heard.events.withLock { $0.append("connected") } }
        router.onDisconnect { _, _ in heard.events.withLock { $0.append("disconnected") } }
        try await run(router, recoverable: true) { server in
            let client = try await PacketClient.open(port: server.port)
            client.send("0" + Self.auth)
            #expect(try await client.rest() == [.end(code: 1000)])
            try await eventually { server.io.engine.counters.connections.value == 0 }
        }
        #expect(heard.events.withLock { $0 } == [])
    }

    private final class Heard: Sendable {
        let events = Mutex<[String]>([])
    }
}
