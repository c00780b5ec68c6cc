import EngineIO
import NIOCore
import NIOPosix
import SocketIO
import TestSupport
import Testing

/// Broadcasts that go to the kernel at once, over real sockets.
@Suite("Broadcasts by the short way")
struct ShortWaysTests {
    @Test("a peer that reads late gets whole messages in order, answers among them, and misses only what it is told of")
    func lateReader() async throws {
        try await EchoServer.run { echo in
            let socket = try joined(echo)
            defer { socket.end() }
            let filler = String(repeating: "x", count: 20_011)
            for number in 0..<900 {
                broadcast("news", "[\(number),\"\(filler)\"]", echo)
                if number % 100 == 50 { socket.write(RawSocket.frame("42\(number)[\"any\",\(number)]")) }
            }
            await withCheckedContinuation { waiter in
                broadcast("last", "0", echo) { waiter.resume() }
            }
            var bytes: [UInt8] = []
            while echo.handler.recorder.all.drained.isEmpty {
                bytes += socket.readSome()
            }
            #expect(echo.handler.recorder.all.drained == [["here"]])
            try await eventually {
                echo.handler.recorder.all.events.count == 10 && echo.handler.recorder.all.running == 0
            }
            broadcast("end", "0", echo)
            bytes += socket.readBytes(until: "42[\"end\",0]")
            let texts = try #require(Self.texts(of: bytes))
            let numbers = texts.compactMap { text in
                text.hasPrefix("42[\"news\",[") ? Int(text.dropFirst(11).prefix { $0.isNumber }) : nil
            }
            #expect(numbers.count > 20 && numbers.count < 900)
            #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            #expect(numbers == Array(0..<numbers.count))
            #expect(texts.allSatisfy { !$0.hasPrefix("42[\"news\"") || $0.hasSuffix(",\"\(filler)\"]]") })
            let answers = texts.filter { $0.hasPrefix("43") }.map { $0.dropFirst(2).prefix { $0.isNumber } }
            #expect(answers == (0..<9).map { "\($0 * 100 + 50)"[...] })
            #expect(texts.last == "42[\"end\",0]")
            #expect(echo.server.counters.sockets.value == 1)
        }
    }

    @Test("a socket that takes the place of one that is gone gets nothing meant for that one's room")
    func places() async throws {
        try await EchoServer.run { echo in
            for round in 0..<40 {
                let first = try joined(echo)
                let before = echo.handler.recorder.all.disconnected.count
                if round % 2 == 0 { first.reset() } else { first.end() }
                broadcast("news", "\(round)", echo)
                let second = try connected(echo)
                try await eventually { echo.handler.recorder.all.disconnected.count > before }
                broadcast("news", "\(round)", echo)
                second.write(RawSocket.frame("421[\"any\",1]"))
                #expect(!second.read(until: "431[1]").contains("news"))
                second.end()
                try await eventually { echo.server.counters.sockets.value == 0 }
            }
        }
    }

    private func broadcast(
        _ event: String, _ argument: String, _ echo: EchoServer, then body: @escaping @Sendable () -> Void = {}
    ) {
        echo.sockets.broadcastVolatile(
            EncodedMessage(event: event, argument: ByteBuffer(string: argument)), to: "here",
            completion: BroadcastCompletion(on: MultiThreadedEventLoopGroup.singleton.next(), body))
    }

    private func connected(_ echo: EchoServer) throws -> RawSocket {
        let socket = try RawSocket(port: echo.port)
        socket.write(RawSocket.upgrade)
        socket.write(RawSocket.frame("40"))
        try #require(socket.read(until: "welcome\",{}]").contains("welcome"))
        return socket
    }

    private func joined(_ echo: EchoServer) throws -> RawSocket {
        let socket = try connected(echo)
        socket.write(RawSocket.frame("420[\"join\",\"here\"]"))
        try #require(socket.read(until: "430[\"here\"]").contains("430"))
        return socket
    }

    /// What unmasked text frames say; nil when there is something else, or a part of one.
    private static func texts(of bytes: [UInt8]) -> [String]? {
        var texts: [String] = []
        var index = 0
        while index < bytes.count {
            guard index + 2 <= bytes.count, bytes[index] == 0x81 else { return nil }
            var length = Int(bytes[index + 1])
            index += 2
            if length >= 126 {
                let size = length == 126 ? 2 : 8
                guard index + size <= bytes.count else { return nil }
                length = bytes[index..<index + size].reduce(0) { $0 << 8 | Int($1) }
                index += size
            }
            guard index + length <= bytes.count else { return nil }
            texts.append(String(decoding: bytes[index..<index + length], as: UTF8.self))
            index += length
        }
        return texts
    }
}
