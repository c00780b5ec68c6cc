import Logging
import RedisClient
@testable import Sessions
import TestSupport
import Testing

@Suite("listing sessions")
struct SessionListingTests {
    @Test("a walk in parts finds every session once there, among other keys, and no part is large")
    func walk() async throws {
        try await SessionCluster.run { cluster in
            var handles: Set<SessionHandle> = []
            for _ in 0..<150 {
                let guest = try cluster.keys.issueGuest()
                _ = try await cluster.open(guest)
                handles.insert(guest.handle)
            }
            let (login, _) = try await cluster.player()
            handles.insert(login.handle)
            for index in 0..<300 {
                _ = try await cluster.redis.send("SET", [.string("rejoin:other:{\(index)}"), "1"])
            }
            _ = try await cluster.redis.send("SET", [.string("rejoin:session:{no-handle}"), "1"])
            var found: Set<SessionHandle> = []
            var players = 0
            var cursor: SessionCursor? = .start
            var parts = 0
            while let position = cursor {
                let page = try await cluster.store.page(from: position, limit: 20)
                #expect(page.records.count < 40)
                players += page.records.count { $0.user != nil }
                found.formUnion(page.records.map(\.handle))
                cursor = page.next.flatMap { SessionCursor($0) }
                parts += 1
            }
            #expect(found == handles)
            #expect(players >= 1 && parts > 5)
        }
    }

    @Test("a prefix with characters that mean something in a pattern is one prefix")
    func pattern() async throws {
        try await withRedisServer { server in
            try await SessionCluster.withClient(server) { redis in
                let clock = RedisClock()
                let keys = KeyRing(
                    configured: try CredentialKeys([CredentialKey.random()]), clock: clock,
                    logger: SessionCluster.logger)
                func store(_ prefix: String) throws -> SessionStore {
                    SessionStore(
                        redis: redis, prefix: prefix, life: try SessionLife(), clock: clock,
                        logger: SessionCluster.logger)
                }
                for prefix in ["a*:", "ab:", "a?:", "a[b]:", "a\\*:"] {
                    _ = try await store(prefix).open(try keys.issueGuest())
                }
                for prefix in ["a*:", "ab:", "a?:", "a[b]:", "a\\*:"] {
                    let page = try await store(prefix).page(limit: 1_000)
                    #expect(page.records.count == 1 && page.next == nil, "\(prefix)")
                }
                #expect(try await store("b:").page(limit: 10).records.isEmpty)
            }
        }
    }

    @Test("a user's sessions come in parts, each once, and entries without records are removed on the way")
    func parts() async throws {
        try await SessionCluster.run { cluster in
            var handles: [SessionHandle] = []
            for _ in 0..<7 {
                handles.append(try await cluster.logIn(nil).loginGuard.handle)
            }
            let gone = handles.remove(at: 1)
            _ = try await cluster.redis.send("DEL", [.string(cluster.store.keys.session(gone))])
            var listed: [SessionHandle] = []
            var start: Int? = 0
            while let from = start {
                let page = try await cluster.store.page(of: "1", from: from, limit: 3)
                #expect(page.records.count <= 3)
                listed += page.records.map(\.handle)
                start = page.next.flatMap { Int($0) }
            }
            #expect(listed.count == handles.count && Set(listed) == Set(handles))
            #expect(try await cluster.server.command("ZCARD", cluster.store.keys.userSessions("1")) == "6")
        }
    }

    @Test(
        "a cursor is a decimal number",
        arguments: ["", "x", "-1", "+1", "1 ", "18446744073709551616", "000000000000000000001"])
    func cursors(text: String) {
        #expect(SessionCursor(text) == nil)
        #expect(SessionCursor("18446744073709551615")?.description == "18446744073709551615")
    }
}
