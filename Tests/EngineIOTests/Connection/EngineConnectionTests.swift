import NIOCore
import NIOEmbedded
import Testing

@testable import EngineIO

/// A connection over transports that do as a test likes.
@Suite struct EngineConnectionTests {
    private final class Transport: EngineTransport {
        var isWritable = false
        var queuedBytes = 0
        var takenBytes: Int
        private(set) var closed: CloseReason?

        init(takenBytes: Int) {
            self.takenBytes = takenBytes
        }

        func send(text: ByteBuffer) {}
        func send(binary: ByteBuffer) {}
        func send(encoded: EncodedMessage) {}
        func flush() {}
        func close(_ reason: CloseReason) { closed = reason }
    }

    @Test("a slow peer that changed its transport is not closed while the new one takes something")
    func stallAcrossTheSwitch() {
        let eventLoop = EmbeddedEventLoop()
        let loop = EngineLoop(
            eventLoop: eventLoop, configuration: EngineConfiguration(), counters: EngineCounters(),
            handshakes: HandshakeBudget(EngineConfiguration()),
            jobs: JobQueue())
        let (polling, socket) = (Transport(takenBytes: 5_000_000), Transport(takenBytes: 0))
        let connection = EngineConnection(
            id: .init(number: 1), sid: "node.1", peer: nil, loop: loop, transport: polling)
        let begin = NIODeadline.uptimeNanoseconds(1_000_000_000)
        connection.writabilityChanged(now: begin)
        connection.moved(to: socket)
        for second in 1...20 {
            socket.takenBytes += 1_000
            #expect(connection.closeIfStalled(for: .seconds(10), now: begin + .seconds(Int64(second))))
        }
        #expect(connection.isOpen && socket.closed == nil)
        _ = connection.closeIfStalled(for: .seconds(10), now: begin + .seconds(30))
        #expect(!connection.isOpen && socket.closed == .forcedClose)
    }
}
