import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

/// The addresses of the engines of a test, and what was said of those without TLS that is to be trusted.
private final class PeerBook: EnginePeers {
    let now: Int64 = 1_700_000_000_000
    private let book = Mutex(TestPeers())
    private let refusals = Mutex<[String]>([])

    private let clients = Mutex<Set<Bool>>([])

    /// Whether clients spoke TLS, as the owner of their sessions was told.
    var seen: Set<Bool> { clients.withLock { $0 } }

    func saw(isTLS: Bool) { clients.withLock { _ = $0.insert(isTLS) } }

    var refused: [String] { refusals.withLock { $0 } }

    func enter(_ name: String, _ address: EnginePeerAddress) {
        book.withLock { $0.addresses[name] = address }
    }

    func address(ofNode name: String) -> EnginePeerAddress? { book.withLock { $0.address(ofNode: name) } }
    func sign(_ message: String) -> String? { book.withLock { $0.sign(message) } }
    func verify(_ signature: String, of message: String) -> Bool { book.withLock { $0.verify(signature, of: message) } }
    func noTLS(withNode name: String, _ reason: String) { refusals.withLock { $0.append(name) } }
}

/// Two engines in one process, with or without TLS, which pass requests on to each other.
@Suite("Relays between nodes that speak TLS, and nodes that do not", .timeLimit(.minutes(1)))
struct RelayTLSTests {
    private let book = PeerBook()

    private func run(
        owner ownerTLS: EngineTLS?, other otherTLS: EngineTLS?, host: String = "127.0.0.1",
        _ body: (_ owner: Int, _ other: Int, _ engines: [EngineServer]) async throws -> Void
    ) async throws {
        var application = EchoApplication()
        application.later = { [book] request, _ in
            book.saw(isTLS: request.isTLS)
            return .now(.accept(headers: [], context: ()))
        }
        var one = EngineConfiguration()
        (one.nodeName, one.tls, one.peers) = ("one", ownerTLS, book)
        one.relayConnectTimeout = .seconds(5)
        var two = one
        (two.nodeName, two.tls) = ("two", otherTLS)
        try await EngineTestServer.run(application, one, threads: 2) { owner, first in
            book.enter("one", EnginePeerAddress(host: host, port: owner, isTLS: ownerTLS != nil))
            try await EngineTestServer.run(EchoApplication(), two, threads: 2) { other, second in
                try await body(owner, other, [first, second])
            }
        }
    }

    @Test(
        "polls and upgrades pass, whoever of the two speaks TLS, and the owner knows what the client spoke",
        arguments: [(true, true), (true, false), (false, true)])
    func passes(ownerHasTLS: Bool, otherHasTLS: Bool) async throws {
        let authority = try await CertificateAuthority()
        let tls = try await authority.listenerTLS()
        // A node without a certificate of its own believes the system's authorities, which a test's is none of.
        let other = otherHasTLS ? tls : nil
        try await run(owner: ownerHasTLS ? tls : nil, other: other) { owner, port, engines in
            let sid = try await RawPeer.$tls.withValue(ownerHasTLS ? authority.client() : nil) {
                try await PollingClient.open(owner).sid
            }
            try await RawPeer.$tls.withValue(otherHasTLS ? authority.client() : nil) {
                let client = PollingClient(port: port, sid: sid)
                guard otherHasTLS || !ownerHasTLS else {
                    #expect(try await client.poll().body == #"{"code":1,"message":"Session ID unknown"}"#)
                    #expect(book.refused == ["one"])
                    return
                }
                #expect(try await client.post("4a").body == "ok")
                #expect(try await client.poll().body == "4a")
                let socket = try await client.startUpgrade()
                #expect(socket.statuses == [101])
                try await socket.send([.text("2probe"), .text("5"), .text("4b")])
                try await eventually { socket.endsWith([.text("3probe"), .text("4b")]) }
                let large = "4" + String(repeating: "x", count: 60_000)
                for _ in 0..<10 { try await socket.send([.text(large)]) }
                let expected = serverFrame(.text(large)).count * 10
                try await eventually { socket.bytes.count > expected }
                #expect(engines[1].counters.relays.value == 1)
                try await socket.close()
                try await eventually { engines[1].counters.relays.value == 0 }
                #expect(book.seen == [true])
            }
            try await eventually { engines[1].counters.relays.value == 0 }
        }
    }

    @Test("names: of the advertised host, or else the first of the node's own certificate")
    func names() async throws {
        let authority = try await CertificateAuthority()
        for (host, names, isTrusted) in [
            ("localhost", "DNS:localhost", true), ("localhost", "DNS:node.example,IP:127.0.0.1", false),
            ("127.0.0.1", "DNS:node.example", true), ("127.0.0.1", "DNS:*.node.example", true),
            ("127.0.0.1", "IP:127.0.0.1", true), ("127.0.0.1", "IP:127.0.0.2", false),
        ] {
            let tls = try await authority.listenerTLS("n", for: names)
            try await run(owner: tls, other: tls, host: host) { owner, port, engines in
                let client = authority.client { $0.certificateVerification = .noHostnameVerification }
                try await RawPeer.$tls.withValue(client) {
                    let own = try await PollingClient.open(owner)
                    let answer = try await PollingClient(port: port, sid: own.sid).post("4a")
                    #expect(answer.body.contains("ok") == isTrusted, "\(host) by \(names)")
                }
                try await eventually { engines[1].counters.relays.value == 0 }
            }
        }
    }

    @Test("nodes that share a certificate which nobody else signed believe each other")
    func selfSigned() async throws {
        let authority = try await CertificateAuthority(for: "DNS:node.example")
        let own = authority.own
        let tls = try EngineTLS(certificateFile: own.certificate, keyFile: own.key)
        try await run(owner: tls, other: tls) { owner, port, _ in
            let client = authority.client { $0.certificateVerification = .noHostnameVerification }
            try await RawPeer.$tls.withValue(client) {
                let sid = try await PollingClient.open(owner).sid
                let client = PollingClient(port: port, sid: sid)
                #expect(try await client.post("4a").body == "ok")
                #expect(try await client.poll().body == "4a")
            }
            #expect(book.refused.isEmpty)
        }
    }

    @Test("a node whose certificate is another authority's has no sessions here, and is told of")
    func stranger() async throws {
        let (ours, theirs) = (try await CertificateAuthority(), try await CertificateAuthority())
        try await run(owner: try await theirs.listenerTLS(), other: try await ours.listenerTLS()) {
            owner, port, engines in
            let sid = try await RawPeer.$tls.withValue(theirs.client()) { try await PollingClient.open(owner).sid }
            try await RawPeer.$tls.withValue(ours.client()) {
                let answer = try await PollingClient(port: port, sid: sid).poll()
                #expect(answer.body == #"{"code":1,"message":"Session ID unknown"}"#)
            }
            #expect(book.refused == ["one"])
            #expect(engines[1].counters.relays.value == 0)
        }
    }

    @Test("a node that does not finish the handshake in time has no sessions, and no connection is left")
    func silent() async throws {
        let authority = try await CertificateAuthority()
        let tls = try await authority.listenerTLS()
        var configuration = EngineConfiguration()
        (configuration.nodeName, configuration.tls, configuration.peers) = ("two", tls, book)
        configuration.relayConnectTimeout = .milliseconds(200)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let silentPort = listener.localAddress?.port ?? 0
        book.enter("one", EnginePeerAddress(host: "127.0.0.1", port: silentPort, isTLS: true))
        try await EngineTestServer.run(EchoApplication(), configuration) { port, engine in
            try await RawPeer.$tls.withValue(authority.client()) {
                let answer = try await PollingClient(port: port, sid: "one.AAECAwQFBgcICQoLDA0ODw0").poll()
                #expect(answer.status == 400)
            }
            #expect(book.refused == ["one"] && engine.counters.relays.value == 0)
        }
        try await listener.close()
    }
}
