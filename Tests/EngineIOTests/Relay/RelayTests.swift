import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

/// The addresses of the engines of a test, which know each other's once they listen.
private final class PeerBook: EnginePeers {
    let now: Int64 = 1_700_000_000_000
    private let book = Mutex(TestPeers())

    func enter(_ name: String, _ port: Int) {
        book.withLock { $0.addresses[name] = EnginePeerAddress(host: "127.0.0.1", port: port) }
    }

    func address(ofNode name: String) -> EnginePeerAddress? { book.withLock { $0.address(ofNode: name) } }
    func sign(_ message: String) -> String? { book.withLock { $0.sign(message) } }
    func verify(_ signature: String, of message: String) -> Bool { book.withLock { $0.verify(signature, of: message) } }
}

/// Two engines in one process, which pass requests on to each other.
@Suite struct RelayTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }
    private let book = PeerBook()

    private func run(
        _ change: (inout EngineConfiguration) -> Void = { _ in },
        _ body: (_ owner: Int, _ other: Int, _ engines: [EngineServer]) async throws -> Void
    ) async throws {
        var one = EngineConfiguration()
        one.nodeName = "one"
        one.peers = book
        change(&one)
        var two = one
        two.nodeName = "two"
        try await EngineTestServer.run(application, one, threads: 2) { owner, first in
            book.enter("one", owner)
            try await EngineTestServer.run(EchoApplication(), two, threads: 2) { other, second in
                book.enter("two", other)
                try await body(owner, other, [first, second])
            }
        }
    }

    /// The session of one node, seen by way of the other.
    private func opened(_ owner: Int, _ other: Int) async throws -> PollingClient {
        let client = try await PollingClient.open(owner)
        #expect(client.sid.hasPrefix("one."))
        return PollingClient(port: other, sid: client.sid)
    }

    @Test("polls and payloads pass, also pipelined with pages and in chunks")
    func polling() async throws {
        try await run { owner, other, _ in
            let client = try await opened(owner, other)
            #expect(try await client.post("4a\u{1e}bAQI=").body == "ok")
            let poll = try await client.poll()
            #expect(poll.body == "4a\u{1e}bAQI=")
            #expect(poll.header("content-type") == ["text/plain; charset=UTF-8"])
            #expect(poll.header("cache-control") == ["no-store"] && poll.header("connection").isEmpty)
            let page = PollingClient.get("/page")
            let peer = try await RawPeer.connect(other)
            try await peer.send(
                page + PollingClient.post(client.uri, "4b") + page + client.pollRequest + page
                    + "POST \(client.uri) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n4c\r\n0\r\n\r\n"
                    + page)
            try await eventually { peer.answers.count == 7 }
            #expect(peer.answers.map(\.body) == ["a page", "ok", "a page", "4b", "a page", "ok", "a page"])
            #expect(recorder.all.texts == ["a", "b", "c"])
        }
    }

    @Test("refusals, limits and headers are the owner's")
    func ownersRules() async throws {
        try await run({ $0.maximumPayloadBytes = 1_000 }) { owner, other, _ in
            let client = try await opened(owner, other)
            #expect(try await client.post(String(repeating: "4", count: 1_001)).status == 413)
            let slow = try await RawPeer.connect(other)
            try await slow.send("POST \(client.uri) HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<12 { try? await slow.send("64\r\n" + String(repeating: "4", count: 100) + "\r\n") }
            try await eventually { slow.isClosed }
            #expect(slow.statuses == [413])
            let unknown = PollingClient(port: other, sid: "one.AAECAwQFBgcICQoLDA0ODw0")
            #expect(try await unknown.poll().body == #"{"code":1,"message":"Session ID unknown"}"#)
            #expect(try await client.post("4a").body == "ok")
        }
    }

    @Test("a body larger than any buffer streams through and is refused by the owner, not kept")
    func backPressure() async throws {
        try await run { owner, other, engines in
            let client = try await opened(owner, other)
            let peer = try await RawPeer.connect(other)
            try await peer.send("POST \(client.uri) HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
            try await eventually { peer.statuses == [413] }
            #expect(try await client.post("4a").body == "ok")
            #expect(engines[1].counters.relays.value <= 1)
        }
    }

    @Test("a poll that is given up on the way ends the session", arguments: [true, false])
    func aborted(halfOnly: Bool) async throws {
        try await run { owner, other, engines in
            let client = try await opened(owner, other)
            let poll = try await client.startPoll()
            try await eventually { try await engines[0].isPolling(client.sid) }
            if halfOnly {
                try await poll.closeHalf()
            } else {
                try await poll.close()
            }
            try await eventually { recorder.all.closed == [.transportError] }
            try await eventually { engines[1].counters.relays.value == 0 }
        }
    }

    @Test("an upgrade passes, and then bytes do, both ways, until either end")
    func tunnel() async throws {
        try await run { owner, other, engines in
            for closesHere in [true, false] {
                let client = try await opened(owner, other)
                let socket = try await client.startUpgrade()
                #expect(socket.statuses == [101])
                #expect(socket.text.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
                try await socket.send([.text("2probe"), .text("5"), .text("4a")])
                try await eventually { socket.endsWith([.text("3probe"), .text("4a")]) }
                #expect(engines[1].counters.relays.value == 1)
                if closesHere {
                    try await socket.close()
                } else {
                    try await socket.send([.text("4!close")])
                    try await eventually { socket.isClosed }
                    #expect(socket.endsWith([.close(1000)]))
                }
                try await eventually { engines[1].counters.relays.value == 0 }
            }
            try await eventually {
                recorder.all.closed.sorted { $0.rawValue < $1.rawValue } == [.forcedClose, .transportClose]
            }
        }
    }

    @Test(
        "a session named by escapes is passed on like any other, as a connection's first request",
        arguments: [
            "%73id", "s%69d", "si%64",
        ])
    func escapedName(_ name: String) async throws {
        try await run { owner, other, engines in
            let client = try await opened(owner, other)
            for port in [owner, other] {
                // Nobody's: the owner says so.
                let stranger = try await RawPeer.connect(port)
                try await stranger.send(
                    RawPeer.upgrade.replacing(" HTTP/1.1", with: "&\(name)=one.AAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1"))
                try await eventually { stranger.isClosed }
                #expect(stranger.statuses == [400])
            }
            let socket = try await RawPeer.connect(other)
            try await socket.send(RawPeer.upgrade.replacing(" HTTP/1.1", with: "&\(name)=\(client.sid) HTTP/1.1"))
            try await eventually { socket.statuses == [101] }
            try await socket.send([.text("2probe")])
            try await eventually { socket.endsWith([.text("3probe")]) }
        }
    }

    @Test("frames in the segment of the upgrade pass too, and much passes in order")
    func tunnelled() async throws {
        try await run { owner, other, _ in
            let client = try await opened(owner, other)
            let socket = try await RawPeer.connect(other)
            let text = "4" + String(repeating: "z", count: 1_000)
            try await socket.send(
                Array(RawPeer.upgrade.replacing("=websocket H", with: "=websocket&sid=\(client.sid) H").utf8)
                    + [TestFrame.text("2probe"), .text("5"), .text("4a")].wire)
            try await eventually { socket.endsWith([.text("3probe"), .text("4a")]) }
            let before = socket.bytes.count
            for _ in 0..<20 { try await socket.send(Array(repeating: .text(text), count: 100)) }
            try await eventually { socket.bytes.count == before + 2_000 * serverFrame(.text(text)).count }
        }
    }

    @Test("who does not read a tunnel is closed by the owner: nothing piles up on the way")
    func slowReader() async throws {
        try await run({ $0.maximumQueuedBytes = 131_072 }) { owner, other, engines in
            let client = try await opened(owner, other)
            let socket = try await RawPeer.connect(other, reading: false)
            try await socket.send(
                Array(RawPeer.upgrade.replacing("=websocket H", with: "=websocket&sid=\(client.sid) H").utf8)
                    + ([.text("2probe"), .text("5")] + Array(repeating: TestFrame.text("4!flood"), count: 16)).wire)
            try await eventually { recorder.all.closed == [.forcedClose] }
            try await socket.close()
            try await eventually { engines[1].counters.relays.value == 0 }
        }
    }

    @Test("a refused upgrade is the owner's refusal")
    func refusedUpgrade() async throws {
        try await run { owner, other, _ in
            let client = PollingClient(port: other, sid: "one.AAECAwQFBgcICQoLDA0ODw0")
            let peer = try await client.startUpgrade()
            #expect(peer.answers[0].status == 400)
            #expect(peer.answers[0].body == #"{"code":1,"message":"Session ID unknown"}"#)
            let client2 = try await opened(owner, other)
            let again = try await client2.startUpgrade()
            #expect(again.statuses == [101])
            let second = try await client2.startUpgrade()
            try await eventually { second.isClosed }
        }
    }

    @Test("a node that nobody reaches has no sessions, and that is said at once")
    func unreachable() async throws {
        try await run { _, other, engines in
            book.enter("gone", freePort())
            let client = PollingClient(port: other, sid: "gone.AAECAwQFBgcICQoLDA0ODw0")
            for answer in [try await client.poll(), try await client.post("4a")] {
                #expect(answer.status == 400)
                #expect(answer.body == #"{"code":1,"message":"Session ID unknown"}"#)
            }
            #expect(engines[1].counters.relays.value == 0)
        }
    }

    @Test("a node that answers nothing, or dies in the middle, ends the client's connection without an answer")
    func broken() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(HangUp())
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        book.enter("silent", silent.localAddress?.port ?? 0)
        try await run { _, other, engines in
            let client = PollingClient(port: other, sid: "silent.AAECAwQFBgcICQoLDA0ODw0")
            let poll = try await client.startPoll()
            try await eventually { poll.isClosed }
            #expect(poll.bytes.isEmpty)
            #expect(engines[1].counters.relays.value == 0)
        }
        try await silent.close()
    }

    @Test("a request is passed on once: one that was passed to the wrong node is unknown there")
    func once() async throws {
        try await run { owner, other, engines in
            // "three" is said to be where "one" is: that one does not take what was signed for another.
            book.enter("three", owner)
            let client = PollingClient(port: other, sid: "three.AAECAwQFBgcICQoLDA0ODw0")
            #expect(try await client.poll().status == 403)
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: client.uri)
            let pass = RelayPass(sender: "two", time: book.now, peer: nil)
            let header = try #require(pass.header(head, to: "one", by: book))
            let answer = try await PollingClient.ask(
                owner, PollingClient.get(client.uri, "X-Rejoin-Relay: \(header)\r\n"))
            #expect(answer.body == #"{"code":1,"message":"Session ID unknown"}"#)
            #expect(engines[0].counters.relays.value == 0)
        }
    }

    @Test("who claims in vain to be another node gets a 403 everywhere")
    func forged() async throws {
        try await run { owner, other, _ in
            let client = try await opened(owner, other)
            for port in [owner, other] {
                let answer = try await PollingClient.ask(
                    port, PollingClient.get(client.uri, "X-Rejoin-Relay: two \(book.now) - AAAA\r\n"))
                #expect(answer.status == 403 && answer.body == #"{"code":4,"message":"Forbidden"}"#)
            }
        }
    }

    @Test("over the limit of relays, and of connections, the answer is a 503", arguments: [true, false])
    func limited(ofRelays: Bool) async throws {
        try await run({
            if ofRelays { $0.maximumRelays = 0 } else { $0.maximumConnections = 1 }
        }) { owner, other, _ in
            let client = try await opened(owner, other)
            #expect(try await client.poll().status == 503)
        }
    }

    @Test("the owner sees the client's address, not the node's that passed its request on")
    func clientAddress() async throws {
        let seen = Mutex<[Int?]>([])
        var application = application
        application.later = { request, _ in
            seen.withLock { $0.append(request.peer?.port) }
            return .now(.accept(headers: [], context: ()))
        }
        var one = EngineConfiguration()
        one.nodeName = "one"
        one.peers = book
        var two = one
        two.nodeName = "two"
        try await EngineTestServer.run(application, one) { owner, _ in
            book.enter("one", owner)
            try await EngineTestServer.run(EchoApplication(), two) { other, _ in
                let client = try await opened(owner, other)
                let peer = try await RawPeer.connect(other)
                try await peer.send(PollingClient.post(client.uri, "4a"))
                try await eventually { peer.answers.count == 1 }
                #expect(seen.withLock { $0 } == [peer.localPort])
            }
        }
    }

    @Test("a drain ends the tunnels through a node")
    func drain() async throws {
        try await run { owner, other, engines in
            let client = try await opened(owner, other)
            let socket = try await client.startUpgrade()
            try await socket.send([.text("2probe"), .text("5"), .text("4a")])
            try await eventually { socket.endsWith([.text("3probe"), .text("4a")]) }
            await engines[1].drain(within: .milliseconds(50))
            try await eventually { socket.isClosed }
            try await eventually { recorder.all.closed == [.transportClose] }
        }
    }
}

/// Reads a little, and hangs up.
private final class HangUp: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.close(promise: nil)
    }
}
