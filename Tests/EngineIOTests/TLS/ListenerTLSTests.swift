import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

@Suite("A listener that speaks TLS", .timeLimit(.minutes(1)))
struct ListenerTLSTests {
    private func run(
        _ tls: EngineTLS, _ application: EchoApplication = EchoApplication(),
        _ change: (inout EngineConfiguration) -> Void = { _ in },
        _ body: (_ port: Int, _ engine: EngineServer) async throws -> Void
    ) async throws {
        var configuration = EngineConfiguration()
        configuration.tls = tls
        change(&configuration)
        try await EngineTestServer.run(application, configuration, body)
    }

    @Test("pages, polls and WebSockets go over it, and the application knows")
    func serves() async throws {
        let authority = try await CertificateAuthority()
        let known = Mutex<[Bool]>([])
        var application = EchoApplication()
        application.authorization = { handshake in
            known.withLock { $0.append(handshake.isTLS) }
            return .now(.accept(headers: [], context: ()))
        }
        try await run(try await authority.listenerTLS(), application) { port, engine in
            try await RawPeer.$tls.withValue(authority.client()) {
                #expect(try await PollingClient.ask(port, PollingClient.get("/page")).body == "a page")
                let client = try await PollingClient.open(port)
                #expect(try await client.post("4a").body == "ok")
                #expect(try await client.poll().body == "4a")
                let socket = try await client.startUpgrade()
                try await socket.send([.text("2probe"), .text("5"), .text("4b")])
                try await eventually { socket.endsWith([.text("3probe"), .text("4b")]) }
                let large = "4" + String(repeating: "x", count: 60_000)
                try await socket.send([.text(large)])
                try await eventually { socket.endsWith([.text(large)]) }
                try await socket.send([.text("4!close")])
                try await eventually { socket.isClosed }
                #expect(socket.endsWith([.close(1000)]))
                try await eventually { engine.counters.channels.value == 0 }
            }
        }
        #expect(known.withLock { $0 } == [true])
    }

    @Test("a peer that goes without TLS's goodbye is gone like any other")
    func unclean() async throws {
        let authority = try await CertificateAuthority()
        let application = EchoApplication()
        try await run(try await authority.listenerTLS(), application) { port, engine in
            try await RawPeer.$tls.withValue(authority.client()) {
                let peer = try await RawPeer.connect(port)
                try await peer.send(RawPeer.upgrade)
                try await eventually { application.recorder.all.opened == 1 }
                try await peer.reset()
                try await eventually { application.recorder.all.closed.count == 1 }
                try await eventually { engine.counters.channels.value == 0 }
            }
        }
    }

    @Test(
        "whoever speaks no TLS is closed at once",
        arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\0\0\0\0\0\0"])
    func plain(words: String) async throws {
        let authority = try await CertificateAuthority()
        try await run(try await authority.listenerTLS()) { port, engine in
            let peer = try await RawPeer.connect(port)
            try await peer.send(words)
            try await eventually(timeout: .seconds(2)) { peer.isClosed }
            #expect(!peer.text.contains("HTTP"))
            try await eventually { engine.counters.channels.value == 0 }
        }
    }

    @Test("who does not finish the handshake counts as a connection, until the time for it is over")
    func unfinished() async throws {
        let authority = try await CertificateAuthority()
        try await run(
            try await authority.listenerTLS(), EchoApplication(), { $0.tlsHandshakeTimeout = .milliseconds(500) }
        ) { port, engine in
            let peers = [try await RawPeer.connect(port), try await RawPeer.connect(port)]
            // The head of a record of 512 bytes.
            try await peers[1].send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc])
            try await eventually { engine.counters.channels.value == 2 }
            try await eventually { peers.allSatisfy(\.isClosed) && engine.counters.channels.value == 0 }
        }
    }

    @Test(
        "TLS before 1.2 is refused, 1.2 is not",
        arguments: [(TLSVersion.tlsv1, false), (.tlsv11, false), (.tlsv12, true)])
    func versions(version: TLSVersion, isTaken: Bool) async throws {
        let authority = try await CertificateAuthority()
        try await run(try await authority.listenerTLS()) { port, _ in
            let client = authority.client { configuration in
                configuration.minimumTLSVersion = .tlsv1
                configuration.maximumTLSVersion = version
            }
            try await RawPeer.$tls.withValue(client) {
                let peer = try await RawPeer.connect(port)
                try? await peer.send(PollingClient.get("/page"))
                try await eventually { isTaken ? peer.text.contains("a page") : peer.isClosed }
                #expect(peer.text.contains("a page") == isTaken)
            }
        }
    }

    @Test("files that are read anew are for new connections; open ones go on, and broken files change nothing")
    func reload() async throws {
        let (before, after) = (try await CertificateAuthority(), try await CertificateAuthority())
        let own = try await before.issue("own")
        let tls = try EngineTLS(certificateFile: own.certificate, keyFile: own.key)
        let firstExpiry = tls.expiry
        let new = try await after.issue("new", days: 9)
        try await run(tls) { port, _ in
            let socket = try await RawPeer.$tls.withValue(before.client()) { try await RawPeer.connect(port) }
            try await socket.send(RawPeer.upgrade)
            try await eventually { socket.statuses == [101] }

            for broken in [new.key, "/dev/null"] {
                try copy(broken, to: own.certificate)
                #expect { try tls.reload() } throws: { ($0 as? EngineTLS.FileError)?.file == .certificate }
            }
            try copy(new.certificate, to: own.certificate)
            #expect { try tls.reload() } throws: {
                let error = $0 as? EngineTLS.FileError
                return error?.file == .key && error?.message.contains("is not the key of the certificate") == true
            }
            try await RawPeer.$tls.withValue(before.client()) { () async throws in
                #expect(try await PollingClient.ask(port, PollingClient.get("/page")).body == "a page")
            }
            #expect(tls.expiry == firstExpiry)

            try copy(new.key, to: own.key)
            try tls.reload()
            #expect(tls.expiry > firstExpiry + 5 * 86_400)
            try await RawPeer.$tls.withValue(after.client()) { () async throws in
                #expect(try await PollingClient.ask(port, PollingClient.get("/page")).body == "a page")
            }
            try await RawPeer.$tls.withValue(before.client()) {
                let refused = try await RawPeer.connect(port)
                try await eventually { refused.isClosed }
            }
            try await socket.send([.text("4still here")])
            try await eventually { socket.endsWith([.text("4still here")]) }
        }
    }

    @Test("who stops reading is closed when too much waits, and takes its connection along")
    func neverReads() async throws {
        let authority = try await CertificateAuthority()
        let application = EchoApplication()
        try await run(
            try await authority.listenerTLS(), application,
            {
                $0.maximumQueuedBytes = 131_072
                $0.slowPeerTimeout = .milliseconds(500)
            }
        ) { port, engine in
            try await RawPeer.$tls.withValue(authority.client()) {
                let socket = try await RawPeer.connect(port)
                try await socket.send(RawPeer.upgrade)
                try await eventually { socket.statuses == [101] }
                try await socket.setReading(false)
                try await socket.send(Array(repeating: TestFrame.text("4!flood"), count: 8))
                try await eventually { application.recorder.all.closed == [.forcedClose] }
                try await eventually { engine.counters.channels.value == 0 }
            }
        }
    }

    @Test("files that cannot be used at the start are named")
    func files() async throws {
        let authority = try await CertificateAuthority()
        let own = try await authority.issue("own")
        for (certificate, key, file) in [
            ("/nowhere", own.key, EngineTLS.File.certificate), (own.key, own.key, .certificate),
            (own.certificate, "/nowhere", .key), (own.certificate, own.certificate, .key),
            (authority.certificate, own.key, .key),
        ] {
            #expect { try EngineTLS(certificateFile: certificate, keyFile: key) } throws: {
                ($0 as? EngineTLS.FileError)?.file == file
            }
        }
    }
}
