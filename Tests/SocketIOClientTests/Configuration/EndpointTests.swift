import NIOHTTP1
import Testing

@testable import SocketIOClient

@Suite("Where requests go")
struct EndpointTests {
    @Test("path, sid and query parameters are in the request's target, encoded")
    func uri() throws {
        let plain = try SocketIOClient.Configuration(url: "http://a").endpoint()
        #expect(plain.uri(.polling) == "/socket.io/?EIO=4&transport=polling")
        #expect(plain.uri(.websocket, sid: "n.1+2") == "/socket.io/?EIO=4&transport=websocket&sid=n.1%2B2")
        let query = try SocketIOClient.Configuration(
            url: "http://a", path: "/x?y=1", query: [("a b", "ü&"), ("c", "")]
        ).endpoint()
        #expect(query.uri(.polling) == "/x?y=1&EIO=4&transport=polling&a%20b=%C3%BC%26&c=")
    }

    @Test("headers of the configuration replace the protocol's, and cookies come from the jar alone")
    func headers() throws {
        let endpoint = try SocketIOClient.Configuration(
            url: "http://[::1]:81", headers: [("host", "b"), ("Cookie", "a=1"), ("X-Y", "z")]
        ).endpoint()
        #expect(endpoint.authority == "[::1]:81")
        let headers = endpoint.headers(own: [("Accept", "*/*")], cookie: "a=2")
        #expect(headers["host"] == ["b"])
        #expect(headers["x-y"] == ["z"])
        #expect(headers["accept"] == ["*/*"])
        #expect(headers["cookie"] == ["a=2"])
    }

    @Test(
        "what cannot be sent is refused",
        arguments: [
            SocketIOClient.Configuration(url: "http://a", path: "x"),
            SocketIOClient.Configuration(url: "http://a", path: "/x y"),
            SocketIOClient.Configuration(url: "http://a", headers: [("A", "b\r\nC: d")]),
            SocketIOClient.Configuration(url: "http://a", namespace: "chat"),
            SocketIOClient.Configuration(url: "http://a", namespace: "/a,b"),
            SocketIOClient.Configuration(url: "http://a", transports: []),
            SocketIOClient.Configuration(url: "wss://a"),
        ])
    func refused(configuration: SocketIOClient.Configuration) {
        #expect(throws: SocketIOClientError.self) { try configuration.endpoint() }
    }
}
