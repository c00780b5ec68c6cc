import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

@Suite struct PollingHandshakeTests {
    private let application = EchoApplication()
    private var recorder: EngineRecorder { application.recorder }

    @Test("a GET opens a session, and the answer tells its limits and that it may be upgraded")
    func open() async throws {
        var application = application
        application.answerHeaders = [("x-later", "b")]
        application.authorization = { _ in .now(.accept(headers: [("set-cookie", "a=b")], context: ())) }
        try await EngineTestServer.run(application, threads: 3) { port, engine in
            let answer = try await PollingClient.ask(port, PollingClient.get())
            #expect(answer.status == 200)
            #expect(answer.body.hasPrefix(#"0{"sid":"node."#))
            #expect(
                answer.body.hasSuffix(
                    #","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}"#))
            #expect(answer.header("content-type") == ["text/plain; charset=UTF-8"])
            #expect(answer.header("cache-control") == ["no-store"])
            #expect(answer.header("set-cookie") == ["a=b"])
            #expect(answer.header("x-later") == ["b"])
            #expect(answer.header("connection").isEmpty && answer.header("vary").isEmpty)
            #expect(answer.header("access-control-allow-origin").isEmpty)
            #expect(recorder.all.opened == 1)
            #expect(engine.counters.connections.value == 1)
        }
    }

    private static let refusals: [(String, Int, String)] = [
        (
            PollingClient.get("/socket.io/?transport=polling"), 400,
            #"{"code":5,"message":"Unsupported protocol version"}"#
        ),
        (
            PollingClient.get("/socket.io/?EIO=abc&transport=polling"), 400,
            #"{"code":5,"message":"Unsupported protocol version"}"#
        ),
        (PollingClient.get("/socket.io/?EIO=4"), 400, #"{"code":0,"message":"Transport unknown"}"#),
        (PollingClient.get("/socket.io/?EIO=4&transport=abc"), 400, #"{"code":0,"message":"Transport unknown"}"#),
        (PollingClient.get("/socket.io/?EIO=4&transport=__proto__"), 400, #"{"code":0,"message":"Transport unknown"}"#),
        (
            PollingClient.get("/socket.io/?EIO=4&transport=polling&transport=polling"), 400,
            #"{"code":0,"message":"Transport unknown"}"#
        ),
        (PollingClient.post(PollingClient.path, ""), 400, #"{"code":2,"message":"Bad handshake method"}"#),
        (PollingClient.post(PollingClient.path, "4a"), 400, #"{"code":2,"message":"Bad handshake method"}"#),
        (
            PollingClient.get().replacing("GET", with: "PUT"), 400, #"{"code":2,"message":"Bad handshake method"}"#
        ),
        (PollingClient.get(PollingClient.path + "&sid=nobody"), 400, #"{"code":1,"message":"Session ID unknown"}"#),
        (
            PollingClient.get(PollingClient.path + "&sid=node.AAECAwQFBgcICQoLDA0ODw0"), 400,
            #"{"code":1,"message":"Session ID unknown"}"#
        ),
        (
            PollingClient.get(PollingClient.path + "&sid=node.AAECAwQFBgcICQoLDA0ODw99"), 400,
            #"{"code":1,"message":"Session ID unknown"}"#
        ),
        (
            PollingClient.get(PollingClient.path + "&sid=other.AAECAwQFBgcICQoLDA0ODw0"), 400,
            #"{"code":1,"message":"Session ID unknown"}"#
        ),
        (
            PollingClient.post(PollingClient.path + "&sid=node.AAECAwQFBgcICQoLDA0ODw0", "4a"), 400,
            #"{"code":1,"message":"Session ID unknown"}"#
        ),
        (
            RawPeer.upgrade.replacing("websocket HTTP", with: "websocket&sid=node.AAECAwQFBgcICQoLDA0ODw0 HTTP"), 400,
            #"{"code":1,"message":"Session ID unknown"}"#
        ),
    ]

    @Test("what cannot be served is refused with the reference server's code", arguments: refusals)
    func refused(request: String, status: Int, body: String) async throws {
        try await EngineTestServer.run(application) { port, _ in
            let answer = try await PollingClient.ask(port, request)
            #expect(answer.status == status)
            #expect(answer.body == body)
            #expect(answer.header("content-type") == ["application/json"])
            #expect(recorder.all.opened == 0)
        }
    }

    @Test("the application's refusal is a 403 of code 4, and the connection goes on")
    func forbidden() async throws {
        var application = application
        application.authorization = { _ in .now(.refuse(.forbidden("no"))) }
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(PollingClient.get() + PollingClient.get("/page"))
            try await eventually { peer.answers.count == 2 }
            #expect(peer.answers[0].status == 403)
            #expect(peer.answers[0].body == #"{"code":4,"message":"no"}"#)
            #expect(peer.answers[1].body == "a page")
        }
    }

    @Test("b64 and j change nothing, and an empty sid is none")
    func tolerated() async throws {
        try await EngineTestServer.run(application) { port, _ in
            for extra in ["&b64=1", "&j=0", "&sid=", "&t=abc"] {
                let answer = try await PollingClient.ask(port, PollingClient.get(PollingClient.path + extra))
                #expect(answer.status == 200 && answer.body.hasPrefix("0{"))
            }
        }
    }

    @Test("a HEAD gets no body, an HTTP/1.0 request its answer and the end")
    func otherForms() async throws {
        try await EngineTestServer.run(application) { port, _ in
            let head = try await RawPeer.connect(port)
            try await head.send(PollingClient.get().replacing("GET", with: "HEAD") + PollingClient.get("/page"))
            try await eventually { head.text.hasSuffix("a page") }
            #expect(head.statuses == [400, 200])
            #expect(!head.text.contains("code"))
            let old = try await RawPeer.connect(port)
            try await old.send("GET \(PollingClient.path) HTTP/1.0\r\nHost: a\r\n\r\n")
            try await eventually { old.isClosed }
            #expect(old.text.contains("0{"))
        }
    }

    @Test("a handshake that is waited for may be given up, and opens nothing then")
    func givenUp() async throws {
        let (stream, open) = AsyncStream.makeStream(of: Void.self)
        var application = application
        application.authorization = { _ in
            .later {
                for await _ in stream { break }
                return .accept(headers: [], context: ())
            }
        }
        try await EngineTestServer.run(application) { port, _ in
            let peer = try await RawPeer.connect(port)
            try await peer.send(PollingClient.get())
            let next = try await RawPeer.connect(port)
            try await next.send(PollingClient.get("/page"))
            try await eventually { next.text.hasSuffix("a page") }
            try await peer.closeHalf()
            try await eventually { peer.isClosed }
            open.yield()
            open.finish()
            try await next.send(PollingClient.get("/page"))
            try await eventually { next.answers.count == 2 }
            #expect(recorder.all.opened == 0)
        }
    }

    // MARK: CORS

    @Test("pages of listed origins may read answers with cookies; others, and near misses, may not")
    func listedOrigins() async throws {
        var configuration = EngineConfiguration()
        configuration.cors = .origins(["https://game.test"])
        try await EngineTestServer.run(application, configuration) { port, _ in
            let listed = try await PollingClient.ask(
                port, PollingClient.get(PollingClient.path, "Origin: https://game.test\r\n"))
            #expect(listed.header("access-control-allow-origin") == ["https://game.test"])
            #expect(listed.header("access-control-allow-credentials") == ["true"])
            #expect(listed.header("vary") == ["Origin"])
            for origin in ["null", "https://game.test.evil", "https://evilgame.test", "http://game.test", "*"] {
                let other = try await PollingClient.ask(
                    port, PollingClient.get("/socket.io/?EIO=3&transport=polling", "Origin: \(origin)\r\n"))
                #expect(other.status == 400)
                #expect(other.header("access-control-allow-origin").isEmpty)
                #expect(other.header("vary") == ["Origin"])
            }
            let refused = try await PollingClient.ask(
                port, PollingClient.get(PollingClient.path + "&sid=x", "Origin: https://game.test\r\n"))
            #expect(refused.header("access-control-allow-origin") == ["https://game.test"])
        }
    }

    @Test("a preflight is answered by what is configured")
    func preflight() async throws {
        let request =
            "OPTIONS \(PollingClient.path) HTTP/1.1\r\nHost: a\r\nOrigin: https://game.test\r\n"
            + "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, x-a\r\n\r\n"
        var configuration = EngineConfiguration()
        for cors in [EngineCORS.none, .any, .origins(["https://game.test"]), .origins(["https://other.test"])] {
            configuration.cors = cors
            try await EngineTestServer.run(application, configuration) { port, _ in
                let answer = try await PollingClient.ask(port, request)
                #expect(answer.status == 204)
                let isAllowed = cors == .any || cors == .origins(["https://game.test"])
                #expect(answer.header("access-control-allow-methods") == (isAllowed ? ["GET, POST, OPTIONS"] : []))
                #expect(answer.header("access-control-allow-headers") == (isAllowed ? ["content-type, x-a"] : []))
                #expect(answer.header("access-control-max-age") == (isAllowed ? ["600"] : []))
                switch cors {
                case .none: #expect(answer.header("vary").isEmpty)
                case .any: #expect(answer.header("access-control-allow-origin") == ["*"])
                case .origins: #expect(answer.header("vary").contains("Origin"))
                }
                #expect(recorder.all.opened == 0)
            }
        }
    }
}
