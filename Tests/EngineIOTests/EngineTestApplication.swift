import NIOCore
import Synchronization

@testable import EngineIO

/// What a test's connections did, told from any event loop.
final class EngineRecorder: Sendable {
    struct Record {
        var opened = 0
        var texts: [String] = []
        var binaries = 0
        var drained = 0
        var closed: [CloseReason] = []
    }

    private let record = Mutex(Record())

    var all: Record { record.withLock { $0 } }

    func change(_ body: (inout Record) -> Void) {
        record.withLock { body(&$0) }
    }
}

/// Sends every text back. A text that begins with an exclamation mark is an order.
struct EchoApplication: EngineApplication {
    let recorder = EngineRecorder()
    var authorization: @Sendable (EngineHandshake) -> HandshakeAuthorization = { _ in
        .now(.accept(headers: [], context: ()))
    }
    var later: @Sendable (EngineHandshake, any Sendable) -> HandshakeAuthorization = { _, _ in
        .now(.accept(headers: [], context: ()))
    }
    var answerHeaders: [(name: String, value: String)] = []
    var closesAtOnce = false

    func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization { authorization(handshake) }

    func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        later(request, context)
    }

    func headers(for request: EngineHandshake) -> [(name: String, value: String)] { answerHeaders }

    func makeLoopApplication(_ loop: EngineLoop) -> any EngineLoopApplication {
        EchoLoop(recorder: recorder, closesAtOnce: closesAtOnce)
    }
}

private final class EchoLoop: EngineLoopApplication {
    private let recorder: EngineRecorder
    private let closesAtOnce: Bool

    init(recorder: EngineRecorder, closesAtOnce: Bool) {
        self.recorder = recorder
        self.closesAtOnce = closesAtOnce
    }

    func opened(_ connection: EngineConnection, context: any Sendable) -> any EngineConnectionDelegate {
        recorder.change { $0.opened += 1 }
        if closesAtOnce { connection.close(.forcedClose) }
        return Echo(connection, recorder: recorder)
    }
}

private final class Echo: EngineConnectionDelegate {
    private let connection: EngineConnection
    private let recorder: EngineRecorder

    init(_ connection: EngineConnection, recorder: EngineRecorder) {
        self.connection = connection
        self.recorder = recorder
    }

    func received(text: ByteBuffer) {
        let string = String(buffer: text)
        recorder.change { $0.texts.append(string) }
        switch string {
        case "!close": connection.close(.forcedClose)
        case "!flood":
            for _ in 0..<64 { connection.send(text: ByteBuffer(repeating: 0x78, count: 65_536)) }
        default: connection.send(text: text)
        }
    }

    func received(binary: ByteBuffer) {
        recorder.change { $0.binaries += 1 }
        connection.send(binary: binary)
    }

    func drained() {
        recorder.change { $0.drained += 1 }
    }

    func closed(_ reason: CloseReason) {
        recorder.change { $0.closed.append(reason) }
        // Whatever is done with a closed connection does nothing.
        connection.send(text: ByteBuffer(string: "late"))
        connection.close(.forcedClose)
    }
}
