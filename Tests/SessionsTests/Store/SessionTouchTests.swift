import RedisClient
@testable import Sessions
import TestSupport
import Testing

@Suite("touching sessions")
struct SessionTouchTests {
    @Test("a touch slides what is in use, reports the rest, and makes nothing, over several batches")
    func batches() async throws {
        try await SessionCluster.run { cluster in
            let (login, _) = try await cluster.player()
            let guest = try cluster.keys.issueGuest()
            let session = try await cluster.open(guest)
            for handle in [login.handle, guest.handle] {
                try await cluster.makeStale(handle, seconds: 60)
                try await cluster.server.command("PEXPIRE", cluster.store.keys.session(handle), "5000")
            }
            var touches = (0..<600).map { _ in SessionTouch(.random(), slides: true) }
            touches.insert(SessionTouch(login.handle, slides: true), at: 100)
            touches.append(SessionTouch(guest.handle, slides: false))
            let size = try await cluster.server.command("DBSIZE")
            let states = try await cluster.store.touch(touches)
            #expect(states.count == 602)
            #expect(states[100].holds(login))
            guard case .live(session.generation, nil, session.expires, true) = states[601] else {
                Issue.record("the guest's state is \(states[601])")
                return
            }
            #expect(states.filter { $0 == .gone }.count == 600)
            #expect(try await cluster.server.command("DBSIZE") == size)
            #expect(try await cluster.life(of: login.handle) > 3_500_000)
            #expect(try await cluster.life(of: guest.handle) <= 5000)
            #expect(try await cluster.store.touch([]) == [])
        }
    }

    @Test("a touch that names the record's generation is told no more than that, until the generation is another")
    func asKnown() async throws {
        try await SessionCluster.run { cluster in
            let login = try await cluster.player().login
            let handle = login.handle
            let touches = [
                SessionTouch(handle, slides: true, known: .init(generation: login.generation, userID: login.userID)),
                SessionTouch(
                    handle, slides: true, known: .init(generation: login.generation - 1, userID: login.userID)),
                SessionTouch(handle, slides: true),
                // Somebody else, by the same number: of a Redis that came back from before.
                SessionTouch(handle, slides: true, known: .init(generation: login.generation, userID: "another")),
                SessionTouch(handle, slides: true, known: .init(generation: login.generation, userID: nil)),
            ]
            let states = try await cluster.store.touch(touches)
            #expect(states[0] == .asKnown && states[2] != .asKnown)
            #expect(states[1...].allSatisfy { $0 == states[2] })
            #expect(states.allSatisfy { $0.holds(login) })
            _ = try await cluster.store.logOut(login)
            let after = try await cluster.store.touch(touches)
            #expect(after[0] == after[2] && after.allSatisfy { !$0.holds(login) && $0 != .gone })
            _ = try await cluster.store.revoke(handle)
            #expect(try await cluster.store.touch(touches).allSatisfy { $0 == .gone })
        }
    }

    @Test("a session that was slid within the last minute is not written to again, a login without its claim is")
    func slidesWhenDue() async throws {
        try await SessionCluster.run { cluster in
            let (login, _) = try await cluster.player()
            let key = cluster.store.keys.session(login.handle)
            let touch = [SessionTouch(login.handle, slides: true)]
            try await cluster.server.command("PEXPIRE", key, "5000")
            _ = try await cluster.store.touch(touch)
            #expect(try await cluster.life(of: login.handle) <= 5000)
            try await cluster.makeStale(login.handle, seconds: 61)
            _ = try await cluster.store.touch(touch)
            #expect(try await cluster.life(of: login.handle) > 3_500_000)
            try await cluster.server.command("HDEL", key, "secret")
            _ = try await cluster.store.touch(touch)
            #expect(try await cluster.life(of: login.handle) <= 60_000)
            try await cluster.server.command("PEXPIRE", key, "5000")
            _ = try await cluster.store.touch(touch)
            #expect(try await cluster.life(of: login.handle) > 55_000)
        }
    }

    @Test("a touch notices a logout, a revocation and a deleted key that nobody told the node of")
    func notices() async throws {
        try await SessionCluster.run { cluster in
            let first = try await cluster.player().login
            let second = try await cluster.player().login
            let third = try await cluster.player().login
            let touches = [first, second, third].map { SessionTouch($0.handle, slides: true) }
            #expect(zip(try await cluster.store.touch(touches), [first, second, third]).allSatisfy { $0.holds($1) })
            _ = try await cluster.store.logOut(first)
            _ = try await cluster.store.revoke(second.handle)
            try await cluster.server.command("DEL", cluster.store.keys.session(third.handle))
            let states = try await cluster.store.touch(touches)
            #expect(!states[0].holds(first) && states[0] != .gone)
            #expect(states[1] == .gone && states[2] == .gone)
        }
    }

    @Test("300 races of touch, open, act and logout: a logged-out session never comes back")
    func logoutRaces() async throws {
        try await SessionCluster.run { cluster in
            for round in 0..<300 {
                let (login, credential) = try await cluster.player("\(round)")
                try await self.race(cluster, login, credential) { _ = try await cluster.store.logOut(login) }
                #expect(try await cluster.open(credential).user == nil)
            }
        }
    }

    @Test("300 races of touch, open, act and revocation: a revoked session never comes back")
    func revocationRaces() async throws {
        try await SessionCluster.run { cluster in
            for round in 0..<300 {
                let (login, credential) = try await cluster.player("\(round)")
                try await self.race(cluster, login, credential) { _ = try await cluster.store.revoke(login.handle) }
                #expect(try await cluster.store.open(credential) == .dead(replacedLately: false))
                #expect(try await cluster.store.record(login.handle) == nil)
            }
        }
    }

    /// Ends a session amid touches, opens and acts; what begins after the end was acknowledged must see it.
    private func race(
        _ cluster: SessionCluster, _ login: SessionGuard, _ credential: Credential,
        end: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<9 {
                group.addTask {
                    switch index % 4 {
                    case 0: _ = try await cluster.store.touch([SessionTouch(login.handle, slides: true)])
                    case 1: _ = try await cluster.store.open(credential)
                    case 2: _ = try await Self.act(cluster, login)
                    default: try await end()
                    }
                    if index % 4 == 3 {
                        #expect(try await Self.act(cluster, login) == false)
                        #expect(
                            !(try await cluster.store.touch([SessionTouch(login.handle, slides: true)]))[0].holds(login)
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await Self.act(cluster, login) == false)
    }

    private static let actScript = RedisScript(
        name: "act",
        source: Array(
            """
            #!lua
            local r = redis.call('HMGET', KEYS[1], 'login', 'gen', 'user')
            if r[1] == '1' and r[2] == ARGV[1] and r[3] == ARGV[2] then
                redis.call('INCR', KEYS[2])
                return 1
            end
            return 0
            """.utf8))

    /// What an act's script asks of the record.
    private static func act(_ cluster: SessionCluster, _ login: SessionGuard) async throws -> Bool {
        try await cluster.redis.eval(
            Self.actScript, keys: [cluster.store.keys.session(login.handle), "rejoin:acts"],
            arguments: [.integer(login.generation), .string(login.userID)]
        ).int == 1
    }
}
