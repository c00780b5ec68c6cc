import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

/// A listener that stops while requests are being decided about: it waits for its connections, so each must end.
@Suite struct QuiescingTests {
    /// Holds decisions back until it is opened.
    private final class Barrier: Sendable {
        private struct State {
            var waiting: [CheckedContinuation<Void, Never>] = []
            var isOpen = false
        }

        private let state = Mutex(State())

        var count: Int { state.withLock { $0.waiting.count } }

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    private let barrier = Barrier()

    /// Stops the listener of a server on which something is being decided about, then lets the decision be made.
    private func run(
        handshakes: Bool, _ body: (_ port: Int, _ stop: () async throws -> Void) async throws -> Void
    ) async throws {
        let barrier = barrier
        let channels = Mutex<[any Channel]>([])
        var application = EchoApplication()
        let decision = HandshakeAuthorization.later {
            await barrier.pass()
            return .accept(headers: [], context: ())
        }
        if handshakes {
            application.authorization = { _ in decision }
        } else {
            application.later = { _, _ in decision }
        }
        try await EngineTestServer.run(
            application, threads: 3, onChannel: { channel in channels.withLock { $0.append(channel) } }
        ) { port, _ in
            defer { barrier.open() }
            try await body(port) {
                try await eventually("a decision") { barrier.count == 1 }
                for channel in channels.withLock({ $0 }) where channel.isActive {
                    channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
                    // Whatever it does at once is done.
                    try await channel.eventLoop.submit {}.get()
                }
                barrier.open()
            }
        }
    }

    @Test("a handshake that is accepted too late is refused", arguments: [RawPeer.upgrade, PollingClient.get()])
    func handshake(request: String) async throws {
        try await run(handshakes: true) { port, stop in
            let peer = try await RawPeer.connect(port)
            try await peer.send(request)
            try await stop()
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [503])
        }
    }

    @Test("an upgrade that is accepted too late is refused, and its session polls on")
    func upgrade() async throws {
        try await run(handshakes: false) { port, stop in
            let client = try await PollingClient.open(port)
            let peer = try await RawPeer.connect(port)
            try await peer.send(
                RawPeer.upgrade.replacing("transport=websocket", with: "transport=websocket&sid=\(client.sid)"))
            try await stop()
            try await eventually { peer.isClosed }
            #expect(peer.statuses == [503])
            #expect(try await client.post("4a").body == "ok")
            // Another WebSocket may try.
            #expect(try await client.startUpgrade().statuses == [101])
        }
    }

    @Test("a poll that is accepted too late is told that the session ends")
    func poll() async throws {
        try await run(handshakes: false) { port, stop in
            let client = try await PollingClient.open(port)
            let peer = try await client.startPoll()
            try await stop()
            try await eventually { peer.isClosed }
            #expect(peer.answers.map(\.body) == ["1"])
        }
    }
}
