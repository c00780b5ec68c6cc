import TestSupport
import Testing

@testable import EngineIO

/// The two ways that frames go out, over real sockets.
@Suite("Outgoing frames", .timeLimit(.minutes(1)))
struct OutgoingFramesTests {
    @Test("a peer that reads late gets every frame once and in order, and so does what follows")
    func order() async throws {
        var configuration = EngineConfiguration()
        configuration.maximumQueuedBytes = 1 << 26
        let application = EchoApplication()
        try await EngineTestServer.run(application, configuration) { port, engine in
            let socket = try await RawPeer.connect(port)
            try await socket.send(RawPeer.upgrade)
            try await eventually { socket.statuses == [101] && socket.bytes.count > 200 }
            let before = socket.bytes.count
            try await socket.setReading(false)
            // More than the buffers of two sockets hold, in pieces that none of them ends with.
            var expected: [UInt8] = []
            for number in 0..<300 {
                let text = "4\(number) " + String(repeating: "x", count: 40_000 + number)
                expected += serverFrame(.text(text))
                try await socket.send([.text(text)])
            }
            try await eventually { application.recorder.all.texts.count == 300 }
            #expect(socket.bytes.count < before + expected.count)
            try await socket.setReading(true)
            try await eventually { socket.bytes.count == before + expected.count }
            #expect(Array(socket.bytes[before...]) == expected)
            try await socket.send([.text("4once more")])
            try await eventually { socket.endsWith([.text("4once more")]) }
            #expect(socket.bytes.count == before + expected.count + serverFrame(.text("4once more")).count)
            #expect(engine.counters.connections.value == 1)
        }
    }

    @Test("what several messages of one turn come to leaves in their order")
    func turn() async throws {
        let application = EchoApplication()
        try await EngineTestServer.run(application) { port, _ in
            let socket = try await RawPeer.connect(port)
            try await socket.send(RawPeer.upgrade)
            try await eventually { socket.statuses == [101] && socket.bytes.count > 200 }
            let frames = (0..<50).map { TestFrame.text("4message \($0)") }
            try await socket.send(frames)
            try await eventually { socket.endsWith(frames) }
        }
    }
}
