import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

@Suite struct EngineRequestTests {
    private func head(_ uri: String) -> HTTPRequestHead { .init(version: .http1_1, method: .GET, uri: uri) }

    private func error(_ uri: String) -> EngineError? {
        do throws(EngineError) {
            _ = try EngineRequest(head(uri))
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "only the engine's path is the engine's",
        arguments: [
            ("/socket.io/", true), ("/socket.io", true), ("/socket.io/?EIO=4", true), ("/socket.io?EIO=4", true),
            ("/socket.iox/", false), ("/socket.io/x", false), ("/socket.ioo", false), ("/", false), ("", false),
            ("/a/socket.io/", false), ("/SOCKET.IO/", false), ("/socket.i", false),
        ])
    func path(uri: String, isOurs: Bool) {
        #expect(EngineRequest.isOurs(head(uri), path: "/socket.io/") == isOurs)
    }

    @Test("a query is read with its escapes resolved")
    func query() throws {
        let request = try EngineRequest(head("/socket.io/?EIO=4&transport=websocket&sid=n1.a%2Db&t=a+b%20c&flag"))
        #expect(request.transport == .websocket)
        #expect(request.sid == "n1.a-b")
        #expect(request.query["t"] == "a b c")
        #expect(request.query["flag"] == "")
    }

    @Test(
        "a query that is wrong is refused with the reference server's code",
        arguments: [
            ("/socket.io/", 0), ("/socket.io/?EIO=4", 0), ("/socket.io/?EIO=4&transport=flash", 0),
            ("/socket.io/?EIO=4&transport=__proto__", 0), ("/socket.io/?EIO=4&transport=constructor", 0),
            ("/socket.io/?EIO=4&transport=websocket&transport=websocket", 0), ("/socket.io/?EIO=4&transport=", 0),
            ("/socket.io/?EIO=4&transport=WebSocket", 0), ("/socket.io/?transport=websocket", 5),
            ("/socket.io/?EIO=3&transport=websocket", 5), ("/socket.io/?EIO=04&transport=websocket", 5),
            ("/socket.io/?EIO=4&EIO=3&transport=websocket", 3), ("/socket.io/?transport=polling&sid=a&sid=b", 3),
            ("/socket.io/?EIO=4&transport=%zz", 3), ("/socket.io/?EIO=4&transport=websocket&x=%ff", 3),
            ("/socket.io/?EIO=4&transport=websocket&x=%f", 3), ("/socket.io/?=4", 3),
            ("/socket.io/?\u{301}EIO=4&transport=websocket", 5),
        ])
    func refused(uri: String, code: Int) {
        #expect(error(uri)?.code == code)
    }

    @Test("a sid needs no protocol version")
    func sidOnly() throws {
        #expect(try EngineRequest(head("/socket.io/?transport=polling&sid=n1.x")).sid == "n1.x")
    }

    @Test("mutated requests are read or refused, and never trap")
    func mutations() {
        var generator = SeededGenerator(seed: 32)
        let seed = Array("/socket.io/?EIO=4&transport=websocket&sid=n1.abc%20d&t=+x".utf8)
        for _ in 0..<100_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = .random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(5), at: place)
                }
            }
            let head = head(String(decoding: bytes, as: UTF8.self))
            guard EngineRequest.isOurs(head, path: "/socket.io/") else { continue }
            let request = try? EngineRequest(head)
            #expect(request == nil || request?.query["transport"] == request?.transport.rawValue)
        }
    }
}
