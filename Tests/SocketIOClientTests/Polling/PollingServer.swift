import EngineIO
import NIOCore
import Synchronization
import TestSupport

/// A scripted server that speaks long-polling: it says what a test gives it, and records what it is asked.
final class PollingServer: Sendable {
    struct Record {
        /// The heads of the GETs, with the handshake's.
        var gets: [[String]] = []
        var posts: [(head: [String], body: String)] = []
        /// The heads of requests for a WebSocket, and what came over it.
        var upgrades: [[String]] = []
        var frames: [String] = []
        /// Whether a GET waits for an answer.
        var isPolling = false
        /// How many payloads were fetched.
        var fetched = 0
        /// Whether GETs are answered at once, so that the last one ends.
        var isUpgrading = false
    }

    let open: String
    private let record = Mutex(Record())
    private let payloads: AsyncStream<String>
    private let payload: AsyncStream<String>.Continuation
    /// What the handshake and the first poll add to their headers.
    private let headers: [[String]]
    private let probeAnswer: String

    /// - Parameters:
    ///   - upgrades: what the open packet says.
    ///   - probeAnswer: sent over a WebSocket after `2probe`.
    init(
        upgrades: String = "[]", maximumPayload: Int = 65536, headers: [[String]] = [], probeAnswer: String = "3probe"
    ) {
        self.open =
            #"0{"sid":"e-1","upgrades":\#(upgrades),"pingInterval":25000,"pingTimeout":20000,"#
            + #""maxPayload":\#(maximumPayload)}"#
        self.headers = headers
        self.probeAnswer = probeAnswer
        (self.payloads, self.payload) = AsyncStream.makeStream(of: String.self)
    }

    var all: Record { self.record.withLock { $0 } }
    var posted: [String] { self.all.posts.map(\.body) }

    /// Answers a poll, now or when one comes.
    func push(_ payload: String) { self.payload.yield(payload) }

    /// The script of every connection.
    func serve(_ connection: inout ScriptedConnection) async throws {
        while true {
            let (head, body) = try await connection.request()
            if head[0].hasPrefix("POST") {
                self.record.withLock { $0.posts.append((head, body)) }
                try await connection.answer("ok")
            } else if head[0].contains("transport=websocket") {
                self.record.withLock { $0.upgrades.append(head) }
                return try await self.serveWebSocket(&connection, head)
            } else {
                let isHandshake = !head[0].contains("&sid=")
                let (count, isUpgrading) = self.record.withLock { record in
                    record.gets.append(head)
                    record.isPolling = !isHandshake && !record.isUpgrading
                    return (record.gets.count, record.isUpgrading)
                }
                let headers = count <= self.headers.count ? self.headers[count - 1] : []
                if isHandshake {
                    try await connection.answer(self.open, headers: headers)
                } else if isUpgrading {
                    try await connection.answer("6")
                } else {
                    var payloads = self.payloads.makeAsyncIterator()
                    guard let payload = await payloads.next() else { throw ScriptEnded() }
                    self.record.withLock {
                        $0.isPolling = false
                        $0.fetched += 1
                    }
                    try await connection.answer(payload, headers: headers)
                }
            }
        }
    }

    private func serveWebSocket(_ connection: inout ScriptedConnection, _ head: [String]) async throws {
        _ = try await connection.upgrade(head)
        while true {
            let event = try await connection.event()
            let text =
                switch event {
                case .text(let text): String(buffer: text)
                case .binary(let bytes): "binary \(Array(bytes.readableBytesView))"
                default: "\(event)"
                }
            self.record.withLock { $0.frames.append(text) }
            switch text {
            case "2probe":
                // The answer to CONNECT goes by long-polling, in every test.
                try await eventually { self.all.fetched > 0 }
                if self.probeAnswer == "3probe" {
                    self.record.withLock { $0.isUpgrading = true }
                    self.push("6")
                }
                try await connection.send(self.probeAnswer)
            case #"420["over",1]"#: try await connection.send(#"430["websocket"]"#)
            default:
                if case .close = event { return }
            }
        }
    }
}
