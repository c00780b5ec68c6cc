import EngineIO
import SocketIO
import Testing

@Suite struct ConnectionHandlerTests {
    /// Lets those in who say so, and judges every later request by it.
    private struct Doorman: ConnectionHandler {
        func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
            guard let name = handshake.query["name"] else { return .now(.refuse(.forbidden("say your name"))) }
            return .now(.accept(headers: [("X-Initial", name)], context: name))
        }

        func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
            request.query["name"] == context as? String
                ? .now(.accept(headers: [], context: ())) : .now(.refuse(.forbidden("that is not your name")))
        }

        func headers(for request: EngineHandshake) -> [(name: String, value: String)] { [("X-Every", "yes")] }
    }

    private func get(_ query: String, from port: Int) throws -> String {
        let socket = try RawSocket(port: port)
        defer { socket.end() }
        socket.write(
            Array(
                "GET /socket.io/?EIO=4&transport=polling\(query) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        )
        return socket.read(until: "never")
    }

    @Test(
        "who may connect is decided for all namespaces, at the handshake and at every later request; headers go along")
    func doorman() async throws {
        var router = EventRouter()
        router.onConnection { $0.emit("name", JSONBytes(string: $0.context as? String ?? "?")) }
        let handler = router
        try await TestServer.run(connections: Doorman(), define: { $0.namespace("/", handler: handler) }) { test in
            let refused = try get("", from: test.port)
            #expect(refused.hasPrefix("HTTP/1.1 403") && refused.contains("X-Every: yes"))
            #expect(refused.hasSuffix(#"{"code":4,"message":"say your name"}"#))
            let opened = try get("&name=ann", from: test.port)
            #expect(opened.contains("X-Initial: ann") && opened.contains("X-Every: yes"))
            let sid = try #require(opened.split(separator: "\"").first { $0.hasPrefix("node.") })
            #expect(try get("&name=bob&sid=\(sid)", from: test.port).hasSuffix(#""message":"that is not your name"}"#))
        }
    }
}
