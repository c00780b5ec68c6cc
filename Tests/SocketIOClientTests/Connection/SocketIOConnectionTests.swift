import EngineIO
import NIOCore
import NIOPosix
import Testing

@testable import SocketIOClient

@Suite("Socket.IO connections of a load generator", .timeLimit(.minutes(1)))
struct SocketIOConnectionTests {
    /// One delegate for many connections, confined to its event loop.
    private final class Counter: SocketIOConnectionDelegate {
        let done: EventLoopPromise<[Int: [String]]>
        let count: Int
        var received: [Int: [String]] = [:]
        var ended = 0

        init(_ count: Int, _ done: EventLoopPromise<[Int: [String]]>) {
            self.count = count
            self.done = done
        }

        func connectionOpened(_ connection: SocketIOConnection, handshakeHeaders: [(String, String)]) {
            connection.send(ByteBuffer(string: #"42["act",\#(connection.tag)]"#))
        }

        func connection(_ connection: SocketIOConnection, received payload: ByteBuffer) {
            self.received[connection.tag, default: []].append(String(buffer: payload))
            connection.close()
        }

        func connection(_ connection: SocketIOConnection, receivedBinary payload: ByteBuffer) {
            self.done.fail(SocketIOClientError(.protocolViolation, "binary"))
        }

        func connectionFailed(_ connection: SocketIOConnection, error: SocketIOClientError) {
            self.done.fail(error)
        }

        func connectionClosed(_ connection: SocketIOConnection, reason: SocketIOCloseReason) {
            self.ended += 1
            if self.ended == self.count { self.done.succeed(self.received) }
        }
    }

    @Test("two hundred connections on one loop with one delegate: each gets its own payloads as bytes")
    func many() async throws {
        try await ScriptedServer.run { connection in
            try await connection.accept()
            let event = try await connection.event()
            guard case .text(let act) = event else { throw ScriptMismatch(expected: "an act", got: "\(event)") }
            try await connection.send(String(buffer: act) + "!")
            try await connection.expect("41")
            try await connection.expect(.close(code: 1000, reason: ""))
        } _: { server in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let done = loop.makePromise(of: [Int: [String]].self)
            let configuration = SocketIOClient.Configuration(url: server.url)
            loop.execute {
                let counter = Counter(200, done)
                for tag in 0..<200 {
                    SocketIOConnection.connect(configuration, on: loop, delegate: counter, tag: tag)
                }
            }
            let received = try await done.futureResult.get()
            #expect(received.count == 200)
            for (tag, payloads) in received {
                #expect(payloads == [#"42["act",\#(tag)]!"#])
            }
        }
    }

    @Test("events before the answer to CONNECT are kept until there is one, in their order")
    func early() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect("40")
            try await connection.send(#"42["hello",1]"#, #"42["hello",2]"#, #"40{"sid":"s-1"}"#)
            try await connection.expect(#"42["act",0]"#)
            try await connection.expect("41")
            try await connection.expect(.close(code: 1000, reason: ""))
        } _: { server in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let done = loop.makePromise(of: [Int: [String]].self)
            let configuration = SocketIOClient.Configuration(url: server.url)
            loop.execute {
                SocketIOConnection.connect(configuration, on: loop, delegate: Counter(1, done), tag: 0)
            }
            // The first makes the delegate close.
            let received = try await done.futureResult.get()
            #expect(received == [0: [#"42["hello",1]"#]])
        }
    }

    @Test("a flood of events before the answer to CONNECT is a violation")
    func flood() async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.upgrade(then: [ScriptedConnection.open])
            try await connection.expect("40")
            for number in 0..<17 { try await connection.send(#"42["hello",\#(number)]"#) }
            try await connection.awaitEnd()
        } _: { server in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let done = loop.makePromise(of: [Int: [String]].self)
            let configuration = SocketIOClient.Configuration(url: server.url)
            loop.execute {
                SocketIOConnection.connect(configuration, on: loop, delegate: Counter(1, done), tag: 0)
            }
            let error = await #expect(throws: SocketIOClientError.self) { try await done.futureResult.get() }
            #expect(error?.code == .protocolViolation)
        }
    }
}
