import EngineIO
import Glibc
import NIOCore
import NIOPosix
import SocketIO
import SocketIOClient
import TestSupport
import Testing

@Suite(.serialized) struct HostileClientTests {
    enum Phase: CaseIterable {
        case connected, head, request, upgraded, connecting, joined, broken

        /// Brings a connection so far and resets it there.
        ///
        /// - Returns: Whether what was waited for came.
        func reach(_ socket: RawSocket, waits: Bool) -> Bool {
            defer { socket.reset() }
            switch self {
            case .connected: break
            case .head: socket.write(RawSocket.upgrade.prefix(60))
            case .request: socket.write(RawSocket.upgrade)
            case .upgraded:
                socket.write(RawSocket.upgrade)
                return !waits || socket.read(until: "maxPayload").contains("101")
            case .connecting: socket.write(RawSocket.upgrade + RawSocket.frame("40"))
            case .joined:
                socket.write(RawSocket.upgrade + RawSocket.frame("40"))
                guard socket.read(until: "welcome").hasSuffix(#"42["welcome",{}]"#) else { return false }
                socket.write(RawSocket.frame(#"420["join","r"]"#))
            case .broken: socket.write(RawSocket.upgrade + [0x81, 0x01, 0x34])
            }
            return true
        }
    }

    private func openDescriptors(to port: Int) throws -> Int {
        // Sockets whose local port is the server's: its side of the connections, and its listener.
        let wanted = ":" + String(UInt16(port), radix: 16, uppercase: true).leftPadded(4)
        let table = try readFile("/proc/self/net/tcp")
        return table.split(separator: "\n").filter { line in
            let fields = line.split(separator: " ")
            // 01: established, 08: the peer has closed; others are the kernel's business alone.
            return fields.count > 3 && fields[1].hasSuffix(wanted) && (fields[3] == "01" || fields[3] == "08")
        }.count
    }

    private func readFile(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw RawSocketError(number: errno) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("2,000 resets in each phase of a connection leave nothing behind", arguments: Phase.allCases)
    func resets(phase: Phase) async throws {
        try await EchoServer.run { echo in
            let port = echo.port
            // Blocks a thread of its own, not one that other tests need.
            let isAnswered = try await NIOThreadPool.singleton.runIfActive {
                try (0..<2_000).allSatisfy { round in try phase.reach(RawSocket(port: port), waits: round % 20 == 0) }
            }
            #expect(isAnswered)
            try await eventually(timeout: .seconds(20)) {
                try openDescriptors(to: echo.port) == 0 && echo.server.engine.counters.connections.value == 0
                    && echo.server.counters.sockets.value == 0
            }
            let client = try await echo.client()
            #expect(try await client.call("any", "1") == "1")
            let record = echo.handler.recorder.all
            #expect(record.connected - record.disconnected.count == 1)
        }
    }

    @Test("a peer that closes without a word, or only its half, is gone at once")
    func silentEnds() async throws {
        try await EchoServer.run { echo in
            for _ in 0..<100 {
                let socket = try RawSocket(port: echo.port)
                socket.write(RawSocket.upgrade + RawSocket.frame("40"))
                _ = socket.read(until: "welcome")
                shutdown(socket.descriptor, Int32(SHUT_WR))
                #expect(socket.read(until: "never").contains("never") == false)
                socket.end()
            }
            try await eventually { echo.server.engine.counters.connections.value == 0 }
            #expect(
                echo.handler.recorder.all.disconnected == Array(repeating: .connection(.transportClose), count: 100))
        }
    }

    @Test("a slow reader is left out of broadcasts, and told once it has caught up; the others miss nothing")
    func slowReader() async throws {
        try await EchoServer.run { echo in
            let slow = try RawSocket(port: echo.port)
            slow.write(RawSocket.upgrade + RawSocket.frame("40"))
            _ = slow.read(until: "welcome")
            slow.write(RawSocket.frame(#"420["join","r"]"#))
            _ = slow.read(until: "430[")
            let fast = try await echo.client()
            _ = try await fast.call("join", #""r""#)
            let argument = ByteBuffer(string: "\"" + String(repeating: "x", count: 65_536) + "\"")
            let message = EncodedMessage(event: "news", argument: argument)
            var events = fast.events.makeAsyncIterator()
            for _ in 0..<300 {
                // One after the other, as the fast one reads them.
                echo.sockets.broadcastVolatile(message, to: "r")
                while let event = await events.next(), event.name != "news" {}
            }
            // Served again only once it reads: what it asks for now waits.
            slow.write(RawSocket.frame(#"421["late"]"#))
            #expect(try await fast.call("any", "1") == "1")
            #expect(!echo.handler.recorder.all.events.contains("late"))
            #expect(echo.handler.recorder.all.drained.isEmpty)
            #expect(slow.read(until: "431[").hasSuffix("431[null]"))
            #expect(echo.handler.recorder.all.drained == [["r"]])
            slow.end()
        }
    }

    @Test("a flood of events, pongs and pings is answered or closed, and a neighbour's call is not held up")
    func floods() async throws {
        try await EchoServer.run { echo in
            let neighbour = try await echo.client()
            let flooder = try RawSocket(port: echo.port)
            flooder.write(RawSocket.upgrade + RawSocket.frame("40"))
            _ = flooder.read(until: "welcome")
            let pongs = Array(repeating: RawSocket.frame("3"), count: 1_000).flatMap { $0 }
            for _ in 0..<100 { flooder.write(pongs) }
            flooder.write(RawSocket.frame(#"421["still here"]"#))
            #expect(flooder.read(until: "431[").hasSuffix("431[null]"))
            let pings = Array(repeating: [0x89, 0x80, 0, 0, 0, 0] as [UInt8], count: 1_000).flatMap { $0 }
            for _ in 0..<20 { flooder.write(pings) }
            #expect(try await neighbour.call("any", "1") == "1")
            flooder.end()
            try await eventually { echo.server.counters.sockets.value == 1 }
        }
    }
}

extension String {
    fileprivate func leftPadded(_ count: Int) -> String {
        String(repeating: "0", count: Swift.max(0, count - utf8.count)) + self
    }
}
