import NIOHTTP1
import Testing

@testable import EngineIO

@Suite struct UpgradeRequestTests {
    /// The example of RFC 6455, section 1.3.
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    private func head(_ change: (inout HTTPRequestHead) -> Void = { _ in }) -> HTTPRequestHead {
        var head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/socket.io/",
            headers: [
                "host": "a", "connection": "keep-alive, Upgrade", "upgrade": "WebSocket",
                "sec-websocket-version": "13", "sec-websocket-key": Self.key,
            ])
        change(&head)
        return head
    }

    private func status(_ change: (inout HTTPRequestHead) -> Void) -> Int? {
        do throws(UpgradeRequest.Refusal) {
            _ = try UpgradeRequest.accept(head(change))
            return nil
        } catch {
            return error.status
        }
    }

    @Test("the accept value is the standard's")
    func accept() throws {
        #expect(try UpgradeRequest.accept(head()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test("whatever is not a handshake is refused with its own status")
    func refusals() {
        #expect(status { $0.method = .POST } == 405)
        #expect(status { $0.method = .HEAD } == 405)
        #expect(status { $0.version = .http1_0 } == 400)
        #expect(status { $0.headers.remove(name: "connection") } == 400)
        #expect(status { $0.headers.replaceOrAdd(name: "connection", value: "keep-alive") } == 400)
        #expect(status { $0.headers.remove(name: "upgrade") } == 400)
        #expect(status { $0.headers.replaceOrAdd(name: "upgrade", value: "h2c") } == 400)
        #expect(status { $0.headers.add(name: "content-length", value: "5") } == 400)
        #expect(status { $0.headers.add(name: "content-length", value: "0") } == nil)
        #expect(status { $0.headers.add(name: "transfer-encoding", value: "chunked") } == 400)
        #expect(status { $0.headers.remove(name: "sec-websocket-version") } == 426)
        #expect(status { $0.headers.replaceOrAdd(name: "sec-websocket-version", value: "8") } == 426)
        #expect(status { $0.headers.add(name: "sec-websocket-version", value: "13") } == 426)
        #expect(status { $0.headers.remove(name: "sec-websocket-key") } == 400)
        #expect(status { $0.headers.add(name: "sec-websocket-key", value: Self.key) } == 400)
        #expect(status { $0.headers.replaceOrAdd(name: "sec-websocket-key", value: "c2hvcnQ=") } == 400)
        #expect(status { $0.headers.replaceOrAdd(name: "sec-websocket-key", value: "") } == 400)
        #expect(status { $0.headers.replaceOrAdd(name: "sec-websocket-key", value: Self.key + "AAAA") } == 400)
        #expect(
            status { $0.headers.replaceOrAdd(name: "sec-websocket-key", value: "dGhlIHNhbXBsZSBub25jZ\u{e9}=") } == 400)
    }
}
