import NIOHTTP1
import Testing

@testable import EngineIO

@Suite("Agreement on permessage-deflate")
struct DeflateAgreementTests {
    private static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    /// What the 101 says of extensions; nil: nothing.
    private func answer(
        _ lines: [String], _ compression: WebSocketCompression? = WebSocketCompression()
    ) throws(UpgradeRequest.Refusal) -> String? {
        var head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/socket.io/",
            headers: [
                "host": "a", "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            ])
        for line in lines {
            head.headers.add(name: "Sec-WebSocket-Extensions", value: line)
        }
        return try UpgradeRequest.agree(head, compression: compression).headers["sec-websocket-extensions"].first
    }

    @Test(
        "an offer that can be met is answered without context takeover",
        arguments: [
            "permessage-deflate", " permessage-deflate ; client_max_window_bits ", Self.plain,
            "permessage-deflate;client_max_window_bits=8", "permessage-deflate; client_max_window_bits=\"15\"",
            "permessage-deflate; server_no_context_takeover", ",, permessage-deflate,",
            "x-webkit-deflate-frame, permessage-deflate", "permessage-deflate, permessage-deflate; nonsense",
        ])
    func accepted(offer: String) throws {
        #expect(try answer([offer]) == Self.plain)
    }

    @Test(
        "who asks for a window is told the smaller of the two",
        arguments: [(15, 15, 15), (15, 12, 12), (15, 9, 9), (12, 15, 12), (9, 9, 9)])
    func window(ours: Int, asked: Int, agreed: Int) throws {
        let compression = WebSocketCompression(windowBits: ours)
        #expect(
            try answer(["permessage-deflate; server_max_window_bits=\(asked)"], compression)
                == Self.plain + "; server_max_window_bits=\(agreed)")
        #expect(try answer(["permessage-deflate"], compression) == Self.plain)
    }

    @Test(
        "an offer that cannot be met is declined, and the WebSocket opens without",
        arguments: [
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=010", "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=+9", "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=a", "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=\"1\"", "permessage-deflate; unknown",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=99999999999999999999", "permessage-deflates", "foo; bar=\"b\"",
            "PERMESSAGE-DEFLATE",
        ])
    func declined(offer: String) throws {
        #expect(try answer([offer]) == nil)
    }

    @Test("the first offer that can be met counts, on one line or on several")
    func order() throws {
        let impossible = "permessage-deflate; server_max_window_bits=8"
        let small = "permessage-deflate; server_max_window_bits=10"
        #expect(try answer([impossible + ", " + small]) == Self.plain + "; server_max_window_bits=10")
        #expect(try answer([impossible, "permessage-deflate", small]) == Self.plain)
        #expect(try answer([impossible, "foo"]) == nil)
    }

    @Test(
        "what is no list of extensions is a 400",
        arguments: [
            "", " ", ",", ";", "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate; a=",
            "permessage-deflate; a=\"\"", "permessage-deflate; a=\"b", "permessage-deflate; a=\"b c\"", "a b", "a@",
            "permessage-deflate; a=\"\\", "permessage-deflate; ;", "\u{e9}", "a\u{1}",
        ])
    func malformed(line: String) {
        #expect(throws: UpgradeRequest.Refusal.self) { try answer([line]) }
        #expect(throws: UpgradeRequest.Refusal.self) { try answer(["permessage-deflate", line]) }
        #expect(throws: Never.self) { try answer([line], nil) }
    }

    @Test("a quoted value is what is in the quotes, with escapes resolved")
    func quotes() throws {
        #expect(
            try WebSocketExtensionOffer.list(#"a; b="c\d"; e=f"#) == [
                .init(name: "a", parameters: [.init(name: "b", value: "cd"), .init(name: "e", value: "f")])
            ])
    }

    @Test("a server that does not compress looks at no offer")
    func off() throws {
        #expect(try answer(["permessage-deflate"], nil) == nil)
    }

    @Test("sixteen kilobytes of offers take no time to speak of")
    func hostile() throws {
        let clock = ContinuousClock()
        for piece in ["a,", ",", "a;b=\"c\",", "permessage-deflate;x,"] {
            let line = String(repeating: piece, count: 16_384 / piece.utf8.count) + "a"
            let took = try clock.measure { _ = try answer([line]) }
            #expect(took < .milliseconds(100))
        }
    }
}
