import NIOCore
import RedisClient
import ServiceLifecycle
import TestSupport
import Testing

@Suite("RedisClient with a real server", .timeLimit(.minutes(2)))
struct RedisClientTests {
    @Test("thousands of commands from many tasks each get their own answer")
    func pipelining() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<32 {
                        group.addTask {
                            for number in 0..<200 {
                                let text = "\(task):\(number)"
                                let answer = try await client.send("ECHO", [.string(text)])
                                #expect(answer.string == text)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("commands of one task are carried out in their order, and values come back as they were sent")
    func values() async throws {
        try await withRedisServer { server in
            try await withClient(server.url + "/3") { client async throws in
                let bytes = ByteBuffer(bytes: (0...255).map { UInt8($0) })
                #expect(try await client.send("SET", ["key", .bytes(bytes)]) == .status("OK"))
                #expect(try await client.send("GET", ["key"]) == .bytes(bytes))
                #expect(try await client.send("GET", ["nothing"]).isNull)
                #expect(try await client.send("INCRBY", ["number", .integer(.max)]) == .integer(.max))
                #expect(try await client.send("SET", ["number", .integer(.min)]) == .status("OK"))
                #expect(try await client.send("GET", ["number"]).int == .min)
                #expect(try await client.send("MGET", ["nothing", "number"]).array?.map(\.isNull) == [true, false])
                #expect(try await client.send("SET", ["", ""]) == .status("OK"))
                #expect(try await client.send("GET", [""]) == .bytes(ByteBuffer()))
                #expect(try await server.command("-n", "3", "DBSIZE") == "3")
                let wrong = await error { () throws(RedisError) in try await client.send("LPUSH", ["key", "x"]) }
                #expect(wrong?.code == .server("WRONGTYPE"))
                #expect(wrong?.isUnavailable == false)
            }
        }
    }

    @Test("a script runs by its digest, and with its source after SCRIPT FLUSH")
    func scripts() async throws {
        let script = RedisScript(name: "echo", source: Array("return {KEYS[1], ARGV[1], ARGV[2]}".utf8))
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                for _ in 0..<2 {
                    for _ in 0..<2 {
                        let answer = try await client.eval(script, keys: ["k"], arguments: ["a", .integer(-7)])
                        #expect(answer.array?.map(\.string) == ["k", "a", "-7"])
                    }
                    _ = try await client.send("SCRIPT", ["FLUSH"])
                }
                let statistics = try await server.command("INFO", "commandstats")
                #expect(statistics.contains("cmdstat_eval:calls=2,"))
                #expect(try await client.send("SCRIPT", ["EXISTS", .string(script.sha1)]) == .array([.integer(0)]))
            }
        }
    }

    @Test("a large reply arrives whole, one over the limit ends only its connection")
    func largeReplies() async throws {
        try await withRedisServer { server in
            try await withClient(server.url, configure: { $0.maximumReplyBytes = 4 << 20 }) { client async throws in
                let large = ByteBuffer(repeating: 0x61, count: 3 << 20)
                _ = try await client.send("SET", ["large", .bytes(large)])
                #expect(try await client.send("GET", ["large"]).buffer == large)
                _ = try await client.send("APPEND", ["large", .bytes(large)])
                let tooLarge = await error { () throws(RedisError) in try await client.send("GET", ["large"]) }
                #expect(tooLarge?.code == .protocolViolation)
                try await eventually { client.isConnected }
                #expect(try await client.send("STRLEN", ["large"]).int == 6 << 20)
            }
        }
    }

    @Test("a killed server fails commands at once, and a restarted one is another server")
    func killAndRestart() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                let infos = Recorder<RedisServerInfo>()
                client.onConnection { infos.append($0) }
                let before = try #require(client.server)
                #expect(before.role == .primary)
                #expect(before.version.hasPrefix("7."))
                try await eventually { infos.all == [before] }
                server.kill()
                try await eventually { !client.isConnected }
                let start = ContinuousClock.now
                let failure = await error { () throws(RedisError) in try await client.send("PING") }
                #expect(failure?.code == .unavailable)
                #expect(failure?.isUnavailable == true)
                #expect(ContinuousClock.now - start < .milliseconds(400))
                try await server.restart()
                try await client.waitUntilConnected(timeout: .seconds(10))
                #expect(try await client.send("PING") == .status("PONG"))
                let after = try #require(client.server)
                #expect(after.replicationID != before.replicationID)
                #expect(infos.all == [before, after])
            }
        }
    }

    @Test("a frozen server: a time-out, then failing fast, then service with the late answers thrown away")
    func freeze() async throws {
        try await withRedisServer { server in
            let configure: (inout RedisConfiguration) -> Void = { $0.commandTimeout = .milliseconds(500) }
            try await withClient(server.url, configure: configure) { client async throws in
                _ = try await client.send("SET", ["key", "old"])
                let connection = try await client.send("CLIENT", ["ID"])
                server.freeze()
                let clock = ContinuousClock()
                var start = clock.now
                let late = await withTaskGroup(of: RedisError?.self) { group in
                    for _ in 0..<10 {
                        group.addTask { await error { () throws(RedisError) in try await client.send("GET", ["key"]) } }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(late.map(\.?.code) == Array(repeating: .timeout, count: 10))
                #expect(clock.now - start >= .milliseconds(490))
                #expect(clock.now - start < .milliseconds(1500))

                start = clock.now
                for _ in 0..<100 {
                    let fast = await error { () throws(RedisError) in try await client.send("GET", ["key"]) }
                    #expect(fast?.code == .unavailable)
                }
                #expect(clock.now - start < .milliseconds(400))
                #expect(client.isConnected)

                server.thaw()
                try await eventually {
                    await error { () throws(RedisError) in try await client.send("SET", ["key", "new"]) } == nil
                }
                #expect(try await client.send("GET", ["key"]).string == "new")
                // The same connection, so the late answers had to be told from the new ones.
                #expect(try await client.send("CLIENT", ["ID"]) == connection)
            }
        }
    }

    @Test("a server that stays silent is given up, and found again on a new connection")
    func longFreeze() async throws {
        try await withRedisServer { server in
            let configure: (inout RedisConfiguration) -> Void = { $0.commandTimeout = .milliseconds(200) }
            try await withClient(server.url, configure: configure) { client async throws in
                server.freeze()
                let late = await error { () throws(RedisError) in try await client.send("PING") }
                #expect(late?.code == .timeout)
                try await eventually { !client.isConnected }
                server.thaw()
                try await client.waitUntilConnected(timeout: .seconds(10))
                #expect(try await client.send("PING") == .status("PONG"))
            }
        }
    }

    @Test("a connection that Redis kills is replaced within a second")
    func clientKill() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                let first = try await client.send("CLIENT", ["ID"]).int
                try await server.command("CLIENT", "KILL", "TYPE", "normal")
                let start = ContinuousClock.now
                try await eventually {
                    guard let answer = try? await client.send("CLIENT", ["ID"]) else { return false }
                    return answer.int != first
                }
                #expect(ContinuousClock.now - start < .seconds(2), "a second, and the machine's own delay")
            }
        }
    }

    @Test("a write to what has become a replica is refused, and the connection made anew")
    func readOnly() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                let first = try await client.send("CLIENT", ["ID"]).int
                #expect(try await client.refreshServer().role == .primary)
                try await server.command("REPLICAOF", "127.0.0.1", "1")
                #expect(try await client.refreshServer().role == .replica)
                let refused = await error { () throws(RedisError) in try await client.send("SET", ["key", "x"]) }
                #expect(refused?.code == .server("READONLY"))
                #expect(refused?.isUnavailable == true)
                try await server.command("REPLICAOF", "NO", "ONE")
                try await eventually {
                    await error { () throws(RedisError) in try await client.send("SET", ["key", "x"]) } == nil
                }
                #expect(try await client.refreshServer().role == .primary)
                #expect(client.server?.role == .primary)
                #expect(try await client.send("CLIENT", ["ID"]).int != first)
            }
        }
    }

    @Test("without a connection it is told why the last one ended")
    func ended() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                _ = try await client.send("PING")
                #expect(client.failure == nil)
                try await server.command("REPLICAOF", "127.0.0.1", "1")
                _ = await error { () throws(RedisError) in try await client.send("SET", ["key", "x"]) }
                // Connected or not at this moment: what is refused ends one connection after the other.
                try await eventually {
                    _ = await error { () throws(RedisError) in try await client.send("SET", ["key", "x"]) }
                    return client.failure?.code == .server("READONLY")
                }
            }
        }
    }

    @Test("more commands than allowed in flight are refused at once, the others are answered")
    func overload() async throws {
        try await withRedisServer { server in
            try await withClient(server.url, configure: { $0.maximumInFlight = 8 }) { client async throws in
                server.freeze()
                let outcomes = try await withThrowingTaskGroup(of: RedisError?.self) { group in
                    for _ in 0..<20 {
                        group.addTask { await error { () throws(RedisError) in try await client.send("PING") } }
                    }
                    var outcomes: [RedisError?] = []
                    while outcomes.count < 12, let outcome = try await group.next() { outcomes.append(outcome) }
                    server.thaw()
                    while let outcome = try await group.next() { outcomes.append(outcome) }
                    return outcomes
                }
                #expect(outcomes.prefix(12).allSatisfy { $0?.code == .overloaded })
                #expect(outcomes.dropFirst(12).map { $0 == nil } == Array(repeating: true, count: 8))
            }
        }
    }

    @Test("cancelling callers leaves the connection in order")
    func cancellation() async throws {
        try await withRedisServer { server in
            try await withClient(server.url) { client async throws in
                for round in 0..<50 {
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<20 { group.addTask { _ = try? await client.send("ECHO", ["x"]) } }
                        group.cancelAll()
                    }
                    #expect(try await client.send("ECHO", [.integer(round)]).int == round)
                }
            }
        }
    }

    @Test("run ends on graceful shutdown, and commands after that are refused")
    func gracefulShutdown() async throws {
        try await withRedisServer { server in
            let client = try makeClient(server.url)
            let group = ServiceGroup(services: [client], logger: quietLogger)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                try await client.waitUntilConnected(timeout: .seconds(10))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(!client.isConnected)
            let refused = await error { () throws(RedisError) in try await client.send("PING") }
            #expect(refused?.code == .unavailable)
        }
    }

    @Test("why there is no connection is told in the system's words alone")
    func noConnection() async throws {
        let port = freePort()
        for (url, expected) in [
            ("redis://127.0.0.1:\(port)", "unavailable: no connection to 127.0.0.1:\(port): Connection refused"),
            ("redis://localhost:\(port)", "unavailable: no connection to localhost:\(port): Connection refused"),
        ] {
            let client = try makeClient(url)
            try await running(client) {
                try await eventually { client.failure != nil }
                #expect(client.failure?.description == expected)
            }
        }
        let client = try makeClient("redis://host.invalid")
        try await running(client) {
            try await eventually { client.failure != nil }
            let reason = client.failure?.description ?? ""
            #expect(reason.hasPrefix("unavailable: no connection to host.invalid:6379: "))
            #expect(!reason.contains("Error"))
        }
    }

    @Test("waiting for a connection ends after its time, and at once when it is cancelled")
    func waiting() async throws {
        let client = try makeClient("redis://127.0.0.1:\(freePort())")
        try await running(client) {
            let late = await error { () throws(RedisError) in
                try await client.waitUntilConnected(timeout: .milliseconds(50))
            }
            #expect(late?.code == .unavailable)
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await client.waitUntilConnected(timeout: .seconds(60)) }
                group.cancelAll()
            }
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }
}
