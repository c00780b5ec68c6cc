import NIOCore
import TestSupport

@testable import EngineIO

/// One answer as it came over a raw connection.
struct RawAnswer: Equatable {
    var status: Int
    var head: String
    var body: String

    func header(_ name: String) -> [String] {
        head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix(name + ": ") }
            .map { String($0.dropFirst(name.count + 2)) }
    }
}

extension RawPeer {
    /// The answers that are whole, in order.
    var answers: [RawAnswer] {
        var answers: [RawAnswer] = []
        var rest = bytes[...]
        while let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) {
            let head = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            let length =
                head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length: ") }
                .flatMap { Int($0.dropFirst(16)) } ?? 0
            let bodyEnd = end.upperBound + length
            guard bodyEnd <= rest.endIndex else { break }
            answers.append(
                RawAnswer(
                    status: Int(head.dropFirst(9).prefix(3)) ?? 0, head: head,
                    body: String(decoding: rest[end.upperBound..<bodyEnd], as: UTF8.self)))
            rest = rest[bodyEnd...]
        }
        return answers
    }
}

/// A client that polls over raw TCP connections, as many as there are requests.
struct PollingClient {
    static let path = "/socket.io/?EIO=4&transport=polling"
    let port: Int
    let sid: String

    static func get(_ uri: String = path, _ headers: String = "") -> String {
        "GET \(uri) HTTP/1.1\r\nHost: a\r\n\(headers)\r\n"
    }

    static func post(_ uri: String, _ body: String, _ headers: String = "") -> String {
        "POST \(uri) HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain;charset=UTF-8\r\n\(headers)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Sends one request over a connection of its own, and waits for the answer.
    static func ask(_ port: Int, _ request: String) async throws -> RawAnswer {
        let peer = try await RawPeer.connect(port)
        try await peer.send(request)
        try await eventually("an answer to \(request.prefix(80))") { !peer.answers.isEmpty }
        let answer = peer.answers[0]
        try? await peer.close()
        return answer
    }

    static func open(_ port: Int, _ headers: String = "") async throws -> PollingClient {
        let answer = try await ask(port, get(path, headers))
        guard answer.status == 200, let sid = answer.body.split(separator: "\"").dropFirst(3).first else {
            throw TestSupportError("no session: \(answer)")
        }
        return PollingClient(port: port, sid: String(sid))
    }

    var uri: String { Self.path + "&sid=" + sid }

    var pollRequest: String { Self.get(uri) }

    func poll(_ headers: String = "") async throws -> RawAnswer { try await Self.ask(port, Self.get(uri, headers)) }

    func post(_ body: String, _ headers: String = "") async throws -> RawAnswer {
        try await Self.ask(port, Self.post(uri, body, headers))
    }

    /// A poll that waits, on a connection of its own.
    func startPoll() async throws -> RawPeer {
        let peer = try await RawPeer.connect(port)
        try await peer.send(pollRequest)
        return peer
    }

    /// Opens a WebSocket that asks to replace the polling.
    func startUpgrade() async throws -> RawPeer {
        let peer = try await RawPeer.connect(port)
        try await peer.send(
            RawPeer.upgrade.replacing("transport=websocket", with: "transport=websocket&sid=\(sid)"))
        try await eventually("an answer to the upgrade") { !peer.answers.isEmpty }
        return peer
    }
}

extension RawPeer {
    /// Whether the last bytes that came are these frames of the server's.
    func endsWith(_ frames: [TestFrame]) -> Bool {
        let expected = frames.flatMap(serverFrame)
        return bytes.suffix(expected.count) == expected[...]
    }

    func send(_ frames: [TestFrame]) async throws { try await send(frames.wire) }
}
