import NIOCore
import NIOHTTP1
import Testing

@testable import EngineIO

/// Signs by writing the message down: whoever knows the secret can.
struct TestPeers: EnginePeers {
    var secret = "s"
    var addresses: [String: EnginePeerAddress] = [:]
    var now: Int64 = 1_700_000_000_000

    func address(ofNode name: String) -> EnginePeerAddress? { addresses[name] }

    func sign(_ message: String) -> String? {
        secret + message.utf8.map { String($0, radix: 16) }.joined()
    }

    func verify(_ signature: String, of message: String) -> Bool { signature == sign(message) }
}

@Suite struct RelayPassTests {
    private let peers = TestPeers()
    private let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/socket.io/?sid=b.x")
    private let now: Int64 = 1_700_000_000_000

    private func header() throws -> String {
        let pass = RelayPass(sender: "a", time: now, peer: try SocketAddress(ipAddress: "2001:db8::1", port: 4_000))
        return try #require(pass.header(head, to: "b", by: peers))
    }

    private func read(
        _ values: [String], head: HTTPRequestHead? = nil, receiver: String = "b", now: Int64? = nil,
        peers: TestPeers? = nil
    ) -> RelayPass? {
        RelayPass(values, head ?? self.head, receiver: receiver, now: now ?? self.now, by: peers ?? self.peers)
    }

    @Test("a pass tells whether the client spoke TLS, also of one without an address")
    func scheme() throws {
        for isTLS in [true, false] {
            for address in [try SocketAddress(ipAddress: "192.0.2.1", port: 4_000), nil] {
                let sent = RelayPass(sender: "a", time: now, peer: address, isTLS: isTLS)
                let header = try #require(sent.header(head, to: "b", by: peers))
                let pass = try #require(read([header]))
                #expect(pass.isTLS == isTLS && pass.address == address)
            }
        }
    }

    @Test("a pass tells the receiver who passed the request on, and for which client")
    func roundTrip() throws {
        let pass = try #require(read([try header()]))
        #expect(pass.sender == "a")
        #expect(pass.address?.ipAddress == "2001:db8::1" && pass.address?.port == 4_000)
        let unknown = RelayPass(sender: "a", time: now, peer: nil)
        let value = try #require(unknown.header(head, to: "b", by: peers))
        #expect(try #require(read([value])).address == nil)
    }

    @Test("a pass is worth nothing for another request, node, time or secret, or twice")
    func bound() throws {
        let value = try header()
        #expect(read([value], receiver: "c") == nil)
        #expect(read([value], peers: TestPeers(secret: "t")) == nil)
        #expect(read([value], now: now + 30_001) == nil)
        #expect(read([value], now: now - 30_001) == nil)
        #expect(read([value], now: now + 30_000) != nil)
        #expect(read([value], now: now - 30_000) != nil)
        var other = head
        other.method = .POST
        #expect(read([value], head: other) == nil)
        other = head
        other.uri += "y"
        #expect(read([value], head: other) == nil)
        #expect(read([value, value]) == nil)
        #expect(read([]) == nil)
    }

    @Test("a changed pass is worth nothing, whatever was changed")
    func mutations() throws {
        let value = Array(try header().utf8)
        for place in value.indices {
            var changed = value
            changed[place] ^= 1
            #expect(read([String(decoding: changed, as: UTF8.self)]) == nil)
            #expect(read([String(decoding: value[..<place], as: UTF8.self)]) == nil)
        }
        for text in ["", " ", "a b c d", "a 9223372036854775807 - x", String(repeating: "x", count: 100_000)] {
            #expect(read([text]) == nil)
        }
    }

    @Test("headers of one connection stay behind, those of the request go on")
    func headers() {
        var request = head
        request.headers = [
            "host": "a", "cookie": "c", "connection": "keep-alive, x-private", "x-private": "1", "te": "trailers",
            "keep-alive": "5", "x-forwarded-for": "1.2.3.4", "x-rejoin-relay": "forged", "expect": "100-continue",
            "content-length": "3",
        ]
        let relayed = RelayHeaders.request(request, pass: "p").headers
        #expect(
            relayed.map { "\($0.name): \($0.value)" }.sorted() == [
                "connection: close", "content-length: 3", "cookie: c", "host: a", "x-forwarded-for: 1.2.3.4",
                "x-rejoin-relay: p",
            ])
        request.headers = ["transfer-encoding": "chunked", "content-length": "3"]
        #expect(RelayHeaders.request(request, pass: "p").headers["transfer-encoding"] == ["chunked"])
        #expect(RelayHeaders.request(request, pass: "p").headers["content-length"].isEmpty)
        request.headers = ["connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "k"]
        let upgrade = RelayHeaders.request(request, pass: "p").headers
        #expect(upgrade["connection"] == ["upgrade"] && upgrade["upgrade"] == ["websocket"])
        let answer = HTTPResponseHead(
            version: .http1_0, status: .ok, headers: ["connection": "close", "content-length": "2", "set-cookie": "c"])
        #expect(RelayHeaders.answer(answer, isLast: false).headers.contains(name: "connection") == false)
        #expect(RelayHeaders.answer(answer, isLast: true).headers["connection"] == ["close"])
    }
}
