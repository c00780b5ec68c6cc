import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

@Suite("The request that opens a WebSocket, read without HTTP's decoder")
struct OpeningRequestTests {
    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    private static let browser = """
        GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r
        Host: game.example:8080\r
        Connection: keep-alive, Upgrade\r
        Pragma: no-cache\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0\r
        Upgrade: websocket\r
        Origin: http://game.example:8080\r
        Sec-WebSocket-Version: 13\r
        Accept-Encoding: gzip, deflate, br, zstd\r
        Accept-Language: de-DE,de;q=0.9\r
        Cookie: a=b; rejoin="x"\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r
        \r

        """

    private static func head(_ bytes: [UInt8], maximumHeaders: Int = 64, maximumBytes: Int = 16_384) -> HTTPRequestHead?
    {
        OpeningRequest.head(
            ByteBuffer(bytes: bytes), path: "/socket.io/", maximumHeaders: maximumHeaders, maximumBytes: maximumBytes)
    }

    /// What the decoder makes of all the bytes; nil when it is anything but one whole request without a body.
    private static func decoded(_ bytes: [UInt8]) throws -> HTTPRequestHead? {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes)))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self),
            case .end(nil)? = try channel.readInbound(as: HTTPServerRequestPart.self),
            try channel.readInbound(as: HTTPServerRequestPart.self) == nil
        else { return nil }
        return head
    }

    private static func same(_ a: HTTPRequestHead, _ b: HTTPRequestHead) -> Bool {
        // Not whether the connection is kept: what asks for an upgrade is the last request on it.
        a.method == b.method && a.version == b.version && a.uri == b.uri
            && a.headers.elementsEqual(b.headers) { $0 == $1 }
    }

    @Test("what browsers send is read as the decoder reads it", arguments: [browser, RawPeer.upgrade])
    func usual(_ text: String) throws {
        let head = try #require(Self.head(Array(text.utf8)))
        let decoded = try #require(try Self.decoded(Array(text.utf8)))
        #expect(Self.same(head, decoded))
        #expect(head.headers.count == (text == Self.browser ? 12 : 5))
    }

    @Test(
        "everything else is left to the decoder",
        arguments: [
            ("GET ", "POST "), ("GET ", "\r\nGET "), ("GET ", "get "), ("GET /", "GET  /"), ("/socket.io/", "/other/"),
            ("HTTP/1.1", "HTTP/1.0"), ("HTTP/1.1", "HTTP/2.0"), (" HTTP/1.1\r\n", "\r\n"), ("\r\n", "\n"),
            ("websocket HTTP", "websocket\u{1}HTTP"), ("websocket HTTP", "websocket&sid=n1.a HTTP"),
            ("websocket HTTP", "websocket&%73id=n1.a HTTP"), ("websocket HTTP", "websocket&t=%41 HTTP"),
            ("Upgrade: websocket\r\n", ""), ("Host: a", "Content-Length: 0"), ("Host: a", "CONTENT-LENGTH: 4"),
            ("Host: a", "Transfer-Encoding: chunked"), ("Host: a", "Expect: 100-continue"), ("Host: a", "Host:  a"),
            ("Host: a", "Host: a "), ("Host: a", "Host:"), ("Host: a", "Host : a"), ("Host: a", ": a"),
            ("Host: a", "Host: a\r\n b"), ("Host: a", "Host: a\tb"), ("Host: a", "Host: \u{e4}"),
            ("Host: a", "Host: a\u{0}"), ("Host: a", "Host: a\rX: b"), ("Host: a", "H\u{f6}st: a"),
            ("Host: a", "Host a"),
            ("==\r\n\r\n", "==\r\n"), ("==\r\n\r\n", "==\r\n\r\nmore"), ("==\r\n\r\n", "==\r\n\r"),
        ])
    func others(_ change: (from: String, to: String)) {
        let text = RawPeer.upgrade.replacing(change.from, with: change.to)
        #expect(text != RawPeer.upgrade)
        #expect(Self.head(Array(text.utf8)) == nil)
    }

    @Test("limits are those of the decoder or stricter")
    func limits() {
        let bytes = Array(RawPeer.upgrade.utf8)
        #expect(Self.head(bytes, maximumHeaders: 5, maximumBytes: bytes.count) != nil)
        #expect(Self.head(bytes, maximumHeaders: 4, maximumBytes: bytes.count) == nil)
        #expect(Self.head(bytes, maximumHeaders: 5, maximumBytes: bytes.count - 1) == nil)
    }

    @Test("what is read of mutated requests is what the decoder reads of them")
    func mutated() throws {
        let requests = [
            Self.browser, RawPeer.upgrade,
            RawPeer.upgrade.replacing("Host: a", with: "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"),
        ].map { Array($0.utf8) }
        var fuzz = Fuzz(seed: 41)
        var read = 0
        for round in 0..<Fuzz.rounds {
            let bytes = fuzz.mutant(of: requests)
            guard let head = Self.head(bytes) else { continue }
            read += 1
            guard let decoded = try? Self.decoded(bytes), Self.same(head, decoded) else {
                throw Wrong(description: "round \(round): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
        #expect(read > Fuzz.rounds / 50 && read < Fuzz.rounds)
    }
}
