import NIOCore
@testable import RedisClient
import TestSupport
import Testing

@Suite("RedisClient with a server that says what a test wants", .timeLimit(.minutes(1)))
struct ScriptedServerTests {
    private func ask(
        _ chunks: [String], configure: (inout RedisConfiguration) -> Void = { _ in },
        body: (RedisClient) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer(answer: afterHandshake { $0 == "ASK" ? chunks : [":1\r\n"] })
        try await withClient(server.url, configure: configure, body: body)
        try await server.close()
    }

    @Test("a reply split at every byte is the same reply")
    func split() async throws {
        let text = "*4\r\n$5\r\nhello\r\n:-42\r\n*2\r\n$-1\r\n*-1\r\n-WRONGTYPE not this\r\n"
        try await self.ask(text.unicodeScalars.map { String($0) }) { client async throws in
            let answer = try await client.send("ASK")
            #expect(
                answer
                    == .array([
                        .bytes(ByteBuffer(string: "hello")), .integer(-42), .array([.null, .null]),
                        .error(code: "WRONGTYPE", message: "not this"),
                    ]))
        }
    }

    @Test(
        "an error reply is thrown with its first word, and the connection goes on",
        arguments: [
            ("NOSCRIPT No matching script", "NOSCRIPT", false), ("MOVED 1 127.0.0.1:1", "MOVED", true),
            ("ASK 1 127.0.0.1:1", "ASK", true), ("MASTERDOWN link", "MASTERDOWN", true), ("NOPERM no", "NOPERM", false),
            ("ERR unknown", "ERR", false), ("BUSY script", "BUSY", true),
            ("OOM full", "OOM", true), ("MISCONF disk", "MISCONF", true), ("NOREPLICAS few", "NOREPLICAS", true),
            ("CLUSTERDOWN down", "CLUSTERDOWN", true), ("TRYAGAIN later", "TRYAGAIN", true), ("odd", "odd", false),
            ("", "ERR", false),
        ])
    func errors(reply: String, word: String, isUnavailable: Bool) async throws {
        try await self.ask(["-\(reply)\r\n"]) { client async throws in
            let failure = await error { () throws(RedisError) in try await client.send("ASK") }
            #expect(failure?.code == .server(word))
            #expect(failure?.isUnavailable == isUnavailable)
            #expect(try await client.send("OTHER") == .integer(1))
        }
    }

    @Test("NOSCRIPT: the script is sent with its source, once; a second NOSCRIPT is an error")
    func unknownScript() async throws {
        let script = RedisScript(name: "answer", source: Array("return 1".utf8))
        for answer in [":7\r\n", "-NOSCRIPT still not\r\n"] {
            let server = try await ScriptedServer(
                answer: afterHandshake { $0 == "EVALSHA" ? ["-NOSCRIPT No matching script\r\n"] : [answer] })
            try await withClient(server.url) { client async throws in
                let result = try? await client.eval(script, keys: ["k"], arguments: [.integer(2)])
                #expect(result == (answer == ":7\r\n" ? .integer(7) : nil))
            }
            let commands = server.received.all.filter { $0.hasPrefix("EVAL") }
            #expect(commands == ["EVALSHA \(script.sha1) 1 k 2", "EVAL return 1 1 k 2"])
            try await server.close()
        }
    }

    @Test("READONLY and LOADING are thrown, and end the connection", arguments: ["READONLY", "LOADING"])
    func failover(word: String) async throws {
        try await self.ask(["-\(word) no\r\n"]) { client async throws in
            let infos = Recorder<RedisServerInfo>()
            client.onConnection { infos.append($0) }
            let failure = await error { () throws(RedisError) in try await client.send("ASK") }
            #expect(failure?.code == .server(word))
            #expect(failure?.isUnavailable == true)
            try await eventually { infos.all.count == 2 }
            #expect(try await client.send("OTHER") == .integer(1))
        }
    }

    @Test(
        "what is not RESP2 ends the connection, and a new one is made",
        arguments: [
            "hello\r\n", "$abc\r\n", "*1\r\n:x\r\n", "\0\0\0\0", ":99999999999999999999\r\n",
            String(repeating: "*1\r\n", count: 9) + ":1\r\n", "%1\r\n+a\r\n+b\r\n",
        ])
    func garbled(bytes: String) async throws {
        try await self.ask([bytes]) { client async throws in
            let failure = await error { () throws(RedisError) in try await client.send("ASK") }
            #expect(failure?.code == .protocolViolation)
            #expect(failure?.isUnavailable == true)
            try await client.waitUntilConnected(timeout: .seconds(10))
            try await eventually { (try? await client.send("OTHER")) == .integer(1) }
        }
    }

    @Test("eight nested arrays are read")
    func nesting() async throws {
        try await self.ask([String(repeating: "*1\r\n", count: 8) + ":1\r\n"]) { client async throws in
            var answer = try await client.send("ASK")
            for _ in 0..<8 { answer = try #require(answer.array?.first) }
            #expect(answer == .integer(1))
        }
    }

    @Test(
        "a reply over the limit ends the connection, whether it is one string, many small ones, or a line without end",
        arguments: [
            "$200000\r\n" + String(repeating: "x", count: 200_000) + "\r\n",
            "*50000\r\n" + String(repeating: ":1\r\n", count: 50_000), "+" + String(repeating: "x", count: 200_000),
        ])
    func tooLong(bytes: String) async throws {
        try await self.ask([bytes], configure: { $0.maximumReplyBytes = 100_000 }) { client async throws in
            let failure = await error { () throws(RedisError) in try await client.send("ASK") }
            #expect(failure?.code == .protocolViolation)
            #expect(failure?.message == "a reply is longer than 100000 bytes")
        }
    }

    @Test("an answer that was not asked for ends the connection before it can be taken for another's")
    func unasked() async throws {
        try await self.ask([":1\r\n:2\r\n"]) { client async throws in
            let infos = Recorder<RedisServerInfo>()
            client.onConnection { infos.append($0) }
            #expect(try await client.send("ASK") == .integer(1))
            try await eventually { infos.all.count == 2 }
        }
    }

    @Test("a server that closes instead of answering: closed, and a new connection")
    func closes() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                let failure = await error { () throws(RedisError) in try await client.send("QUIT") }
                #expect(failure == nil)
                try await eventually { (try? await client.send("PING")) != nil }
            }
        }
    }

    @Test("a server that loads its data is not used")
    func loading() async throws {
        let server = try await ScriptedServer { $0 == "PING" ? ["-LOADING Redis is loading\r\n"] : [] }
        let client = try makeClient(server.url)
        try await running(client) {
            try await eventually { server.received.all.count > 2 }
            #expect(!client.isConnected)
            #expect(server.received.all.allSatisfy { $0 == "PING" })
        }
        try await server.close()
    }

    @Test("an error reply that repeats the password is not repeated")
    func echo() async throws {
        let server = try await ScriptedServer { _ in ["-ERR unknown command 'AUTH', with args: hunter2\r\n"] }
        let client = try makeClient(server.url.replacing("redis://", with: "redis://:hunter2@"))
        let failure = await error { () throws(RedisError) in try await client.serveOneConnection() }
        #expect(failure?.code == .server("ERR"))
        #expect(failure.map { "\($0)" }?.contains("hunter2") == false)
        try await server.close()
    }
}
