@testable import Sessions
import TestSupport
import Testing

@Suite("ending sessions")
struct SessionEndingTests {
    @Test("a logout keeps handle and record; the cookie is a guest's; repeating it does nothing")
    func logout() async throws {
        try await SessionCluster.run { cluster in
            let (login, credential) = try await cluster.player()
            let outcome = try await cluster.store.logOut(login)
            #expect(outcome == .done(generation: login.generation + 1))
            let session = try await cluster.open(credential)
            #expect(session.rights == .full && session.user == nil && session.lastLogin?.userID == "1")
            #expect(session.generation == login.generation + 1)
            #expect(try await cluster.store.logOut(login) == .already)
            #expect(try await cluster.open(credential).generation == login.generation + 1)
            #expect(try await cluster.store.records(of: "1") == [])
            #expect(try await cluster.server.command("ZCARD", cluster.store.keys.userSessions("1")) == "0")
            #expect(try await cluster.field("name", of: login.handle) == "")
        }
    }

    @Test("a logout ends the login it was meant for, never a later or another's")
    func guarded() async throws {
        try await SessionCluster.run { cluster in
            let (login, credential) = try await cluster.player()
            for wrong in [
                SessionGuard(handle: login.handle, generation: login.generation - 1, userID: login.userID),
                SessionGuard(handle: login.handle, generation: login.generation + 1, userID: login.userID),
                SessionGuard(handle: login.handle, generation: login.generation, userID: "2"),
                SessionGuard(handle: .random(), generation: login.generation, userID: login.userID),
            ] {
                #expect(try await cluster.store.logOut(wrong) == .already)
            }
            #expect(try await cluster.open(credential).loginGuard == login)
        }
    }

    @Test("logged out before the claim, the secret from before the login is the current one again")
    func unclaimed() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            _ = try await cluster.store.logOut(login.loginGuard)
            #expect(try await cluster.open(guest).rights == .full)
            #expect(try await cluster.life(of: guest.handle) > 3_500_000)
            // A record that never had another secret is reachable by its socket alone.
            let alone = try await cluster.logIn(nil)
            guard case .done(let generation) = try await cluster.store.logOut(alone.loginGuard) else {
                Issue.record("the logout did nothing")
                return
            }
            #expect(try await cluster.life(of: alone.loginGuard.handle) <= 60_000)
            let again = try await cluster.logIn(
                place: .init(handle: alone.loginGuard.handle, generation: generation, secret: nil))
            #expect(again.isInPlace)
        }
    }

    @Test("a revoked session is gone, its player's credential is dead, and a stale socket's login never fits again")
    func revoke() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            let credential = try await cluster.claim(login)
            let stale = login.loginGuard
            #expect(try await cluster.store.revoke(stale.handle, of: "2") == nil)
            let revoked = try await cluster.store.revoke(stale.handle, of: "1")
            #expect(revoked == RevokedSession(handle: stale.handle, userID: "1", generation: stale.generation))
            #expect(try await cluster.store.revoke(stale.handle) == nil)
            #expect(try await cluster.store.open(credential) == .dead(replacedLately: false))
            #expect(try await cluster.server.command("ZCARD", cluster.store.keys.userSessions("1")) == "0")
            // The guest's credential may make the record anew; nobody who was logged in with the old one is.
            #expect(try await cluster.open(guest).user == nil)
            let again = try await cluster.logIn(guest)
            #expect(again.isInPlace && again.loginGuard.generation > stale.generation)
            // A repetition of the revocation spares what was made since.
            #expect(try await cluster.store.revoke(stale.handle, upTo: stale.generation) == nil)
            #expect(
                try await cluster.store.touch([SessionTouch(stale.handle, slides: false)])[0].holds(again.loginGuard))
        }
    }

    @Test("\"everywhere\" ends all sessions of the user but the one that is spared, and nobody else's")
    func everywhere() async throws {
        try await SessionCluster.run { cluster in
            var own: [(login: SessionGuard, credential: Credential)] = []
            for _ in 0..<40 { own.append(try await cluster.player("1")) }
            let unclaimed = try await cluster.logIn(try cluster.keys.issueGuest(), as: "1")
            let other = try await cluster.player("2")
            let ended = try await cluster.store.endAll(of: "1", sparing: own[3].login.handle).get()
            #expect(ended.count == 40)
            #expect(ended.contains { $0.handle == unclaimed.loginGuard.handle })
            for (index, session) in own.enumerated() {
                let isAlive = try await cluster.store.lookUp(session.credential) != .dead(replacedLately: false)
                #expect(isAlive == (index == 3))
            }
            #expect(try await cluster.open(other.credential).isLoggedIn)
            #expect(try await cluster.store.records(of: "1").map(\.handle) == [own[3].login.handle])
            #expect(try await cluster.store.endAll(of: "1").get().count == 1)
            #expect(try await cluster.store.endAll(of: "1").get() == [])
        }
    }

    @Test("logins that race \"everywhere\" are refused or ended: none survives it")
    func everywhereRace() async throws {
        try await SessionCluster.run { cluster in
            for _ in 0..<30 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<5 {
                        group.addTask {
                            let generation = try await cluster.store.userGeneration(of: "1")
                            _ = try await cluster.store.userGeneration(of: "1")
                            _ = try await cluster.store.logIn(
                                SessionLogin(
                                    place: nil, user: SessionUser(id: "1", name: ""), userGeneration: generation,
                                    delivery: .atOnce, client: "", address: ""))
                        }
                    }
                    group.addTask {
                        _ = try await cluster.store.userGeneration(of: "1")
                        let before = try await cluster.store.records(of: "1").map(\.handle)
                        _ = try await cluster.store.endAll(of: "1").get()
                        let after = try await cluster.store.records(of: "1").map(\.handle)
                        #expect(Set(before).isDisjoint(with: after))
                    }
                    try await group.waitForAll()
                }
                _ = try await cluster.store.endAll(of: "1").get()
                #expect(try await cluster.server.command("KEYS", "rejoin:session:*") == "")
            }
        }
    }

    @Test("one more login than allowed ends the oldest")
    func oldest() async throws {
        try await SessionCluster.run { cluster in
            var logins: [SessionGuard] = []
            for _ in 0..<5 { logins.append(try await cluster.player().login) }
            let ended = try await cluster.store.endOldest(of: "1", keeping: 3, sparing: logins[4].handle).get()
            #expect(ended.count == 2)
            let left = try await cluster.store.records(of: "1").map(\.handle)
            #expect(left.count == 3 && left.contains(logins[4].handle))
            #expect(try await cluster.store.endOldest(of: "1", keeping: 3, sparing: logins[4].handle).get() == [])
        }
    }

    @Test("of logins at once the latest stay, and do not end each other")
    func oldestAtOnce() async throws {
        try await SessionCluster.run { cluster in
            let first = try await cluster.player().login.handle
            let second = try await cluster.player().login.handle
            // Each has its place before any other's surplus is ended.
            _ = try await cluster.store.endOldest(of: "1", keeping: 1, sparing: first)
            _ = try await cluster.store.endOldest(of: "1", keeping: 1, sparing: second)
            #expect(try await cluster.store.records(of: "1").map(\.handle) == [second])
        }
    }

    @Test("a full Redis refuses logins, and lets logout, revocation, \"everywhere\", lookups and touches through")
    func fullRedis() async throws {
        try await SessionCluster.run(server: ["--maxmemory-policy", "noeviction"]) { cluster in
            let (first, credential) = try await cluster.player()
            let second = try await cluster.player()
            _ = try await cluster.player()
            try await cluster.server.command("CONFIG", "SET", "maxmemory", "1")
            let error = await #expect(throws: SessionError.self) { try await cluster.logIn(nil) }
            #expect(error?.code == .unavailable)
            #expect(try await cluster.store.lookUp(credential) != .dead(replacedLately: false))
            #expect(try await cluster.store.touch([SessionTouch(first.handle, slides: true)])[0].holds(first))
            #expect(try await cluster.store.logOut(first) == .done(generation: first.generation + 1))
            #expect(try await cluster.store.revoke(second.login.handle) != nil)
            #expect(try await cluster.store.endAll(of: "1").get().count == 1)
        }
    }

    @Test("the index forgets what expired or was evicted when it is read, and keeps a login that came meanwhile")
    func healing() async throws {
        try await SessionCluster.run { cluster in
            let first = try await cluster.player().login
            let second = try await cluster.player().login
            let key = cluster.store.keys.userSessions("1")
            try await cluster.server.command("DEL", cluster.store.keys.session(first.handle))
            #expect(try await cluster.store.records(of: "1").map(\.handle) == [second.handle])
            #expect(try await cluster.server.command("ZCARD", key) == "1")
            try await cluster.store.heal("1", [(second.handle, 5)])
            #expect(try await cluster.server.command("ZCARD", key) == "1")
        }
    }

    @Test("a record is shown with what its owner and an operator may see")
    func record() async throws {
        try await SessionCluster.run { cluster in
            let (login, _) = try await cluster.player("9")
            let record = try #require(try await cluster.store.record(login.handle))
            #expect(record.user == SessionUser(id: "9", name: "name of 9"))
            #expect(record.generation == login.generation && record.isClaimed)
            #expect(record.client == "test" && record.address == "192.0.2.1")
            #expect(record.created <= record.seen && record.expires >= record.created + 7_200_000)
            #expect(try await cluster.store.record(.random()) == nil)
        }
    }

    @Test("what has ended is known also when other sessions of the user could not be ended")
    func partial() async throws {
        try await SessionCluster.run { cluster in
            let (ending, _) = try await cluster.player()
            let (kept, _) = try await cluster.player()
            let keys = cluster.store.keys
            _ = try await cluster.server.command(
                "ACL", "SETUSER", "default", "resetkeys", "~\(keys.user("1"))*", "~\(keys.session(ending.handle))")
            let ended = try await cluster.store.endAll(of: "1")
            #expect(ended.sessions.map(\.handle) == [ending.handle])
            #expect(ended.failure != nil)
            _ = try await cluster.server.command("ACL", "SETUSER", "default", "allkeys")
            #expect(try await cluster.store.endAll(of: "1").get().map(\.handle) == [kept.handle])
        }
    }
}
