@testable import Sessions
import TestSupport
import Testing

@Suite("logging in")
struct SessionLoginTests {
    @Test("the login changes the record it came from: new generation, new secret, the old one only watches")
    func inPlace() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let before = try await cluster.open(guest)
            let login = try await cluster.logIn(guest, as: "7")
            #expect(login.isInPlace && login.loginGuard.handle == guest.handle)
            #expect(login.loginGuard.generation == before.generation + 1)
            let alias = try await cluster.open(guest)
            #expect(alias.rights == .alias && alias.user == nil && alias.loginGuard == nil && alias.lastLogin == nil)
            let credential = try await cluster.claim(login)
            let player = try await cluster.open(credential)
            #expect(player.rights == .full && player.user == SessionUser(id: "7", name: "name of 7"))
            #expect(player.loginGuard == login.loginGuard)
            #expect(try await cluster.open(guest).rights == .alias)
            guard case .found(let found) = try await cluster.store.lookUp(credential) else {
                Issue.record("the player's cookie is not found")
                return
            }
            #expect(found.user?.id == "7" && found.lastLogin?.userID == "7")
        }
    }

    @Test("the alias ends with the grace after the claim, and is told apart for that long")
    func aliasEnds() async throws {
        try await SessionCluster.run(grace: .milliseconds(600)) { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            _ = try await cluster.claim(login)
            guard case .opened = try await cluster.store.open(guest) else {
                Issue.record("the alias ended at once")
                return
            }
            try await eventually { try await cluster.store.lookUp(guest) == .dead(replacedLately: false) }
            #expect(try await cluster.store.open(guest) == .dead(replacedLately: false))
        }
    }

    @Test("a secret that was replaced and logged out within the minute is dead, but sets no cookie")
    func replacedLately() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            _ = try await cluster.claim(login)
            _ = try await cluster.store.logOut(login.loginGuard)
            #expect(try await cluster.store.lookUp(guest) == .dead(replacedLately: true))
            #expect(try await cluster.store.open(guest) == .dead(replacedLately: true))
        }
    }

    @Test("in token mode the new secret is valid at once, and the old one watches for a minute")
    func atOnce() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest, delivery: .atOnce)
            let token = try cluster.keys.issue(
                .player, handle: login.loginGuard.handle, secret: try #require(login.secret))
            #expect(try await cluster.open(token).loginGuard == login.loginGuard)
            #expect(try await cluster.open(guest).rights == .alias)
            #expect(try await cluster.field("guestuntil", of: guest.handle) != "")
            #expect(try await cluster.life(of: guest.handle) > 3_500_000)
        }
    }

    @Test("a login on an alias makes a new session, and the one that was there feels nothing")
    func onAlias() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let first = try await cluster.logIn(guest, as: "1")
            let firstCredential = try await cluster.claim(first)
            let attempts: [SessionLogin.Place?] = [
                nil,
                .init(
                    handle: guest.handle, generation: first.loginGuard.generation - 1, secret: guest.secret.digest),
                .init(handle: guest.handle, generation: first.loginGuard.generation, secret: guest.secret.digest),
                .init(handle: guest.handle, generation: first.loginGuard.generation, secret: nil),
                .init(handle: .random(), generation: 0, secret: guest.secret.digest),
            ]
            for place in attempts {
                let second = try await cluster.logIn(place: place, as: "2")
                #expect(!second.isInPlace && second.loginGuard.handle != guest.handle)
                #expect(try await cluster.open(firstCredential).loginGuard == first.loginGuard)
                let other = try await cluster.claim(second)
                #expect(try await cluster.open(other).user?.id == "2")
            }
        }
    }

    @Test("a generation that moved on since the password was asked for sends the login to a new record")
    func movedOn() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let session = try await cluster.open(guest)
            let stale = SessionLogin.Place(
                handle: guest.handle, generation: session.generation, secret: guest.secret.digest)
            let first = try await cluster.logIn(place: stale)
            _ = try await cluster.store.logOut(first.loginGuard)
            let second = try await cluster.logIn(place: stale)
            #expect(first.isInPlace && !second.isInPlace)
        }
    }

    @Test("after a logout the same socket logs in again in place, also when its secret was claimed elsewhere")
    func again() async throws {
        try await SessionCluster.run { cluster in
            for isClaimed in [false, true] {
                let guest = try cluster.keys.issueGuest()
                let first = try await cluster.logIn(guest, as: "1")
                let credential = isClaimed ? try await cluster.claim(first) : guest
                guard case .done(let generation) = try await cluster.store.logOut(first.loginGuard) else {
                    Issue.record("the logout did nothing")
                    return
                }
                // The cookie that the browser has by now is a guest's.
                #expect(try await cluster.open(credential).rights == .full)
                let second = try await cluster.logIn(
                    place: .init(
                        handle: guest.handle, generation: generation, secret: isClaimed ? nil : guest.secret.digest),
                    as: "2")
                #expect(second.isInPlace && second.loginGuard.generation == generation + 1)
                #expect(try await cluster.open(credential).rights == .alias)
                let again = try await cluster.claim(second)
                #expect(try await cluster.open(again).user?.id == "2")
            }
        }
    }

    @Test("the absolute life begins anew with the login")
    func absoluteLife() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let session = try await cluster.open(guest)
            try await cluster.server.command(
                "HSET", cluster.store.keys.session(guest.handle), "expires", "\(session.now + 60_000)")
            let login = try await cluster.logIn(guest)
            #expect(login.expires >= session.now + 7_200_000)
        }
    }

    @Test("a login that is never claimed ends with the grace after its last touch")
    func neverClaimed() async throws {
        try await SessionCluster.run(grace: .milliseconds(500)) { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            #expect(try await cluster.life(of: guest.handle) <= 500)
            let start = ContinuousClock.now
            try await eventually {
                let states = try await cluster.store.touch([SessionTouch(guest.handle, slides: true)])
                #expect(states[0].holds(login.loginGuard))
                return ContinuousClock.now - start > .milliseconds(800)
            }
            try await eventually { try await cluster.life(of: guest.handle) == -2 }
        }
    }

    @Test("a login that began before \"everywhere\" is refused")
    func everywhereMeanwhile() async throws {
        try await SessionCluster.run { cluster in
            let generation = try await cluster.store.userGeneration(of: "1")
            _ = try await cluster.store.endAll(of: "1").get()
            let result = try await cluster.store.logIn(
                SessionLogin(
                    place: nil, user: SessionUser(id: "1", name: "a"), userGeneration: generation, delivery: .atOnce,
                    client: "", address: ""))
            guard case .refused = result else {
                Issue.record("the login slipped through")
                return
            }
            #expect(try await cluster.server.command("KEYS", "rejoin:session:*") == "")
            _ = try await cluster.logIn(nil, as: "1")
        }
    }

    @Test("braces, globs and line ends in a user's id never leave its key")
    func hostileIDs() async throws {
        try await SessionCluster.run { cluster in
            for id in ["a}b", "{x}:sessions", "*", "a\r\nb", "ü", "1 2"] {
                let login = try await cluster.logIn(nil, as: id)
                #expect(try await cluster.store.records(of: id).map(\.handle) == [login.loginGuard.handle])
            }
            let keys = SessionKeys(prefix: "p:")
            #expect(keys.userSessions("a}b") == "p:user:{a%7Db}:sessions")
            #expect(keys.user("a@b.c:d_e-f") == "p:user:{a@b.c:d_e-f}")
            #expect(keys.newRooms(of: "a}b") == "p:limit:{rooms:a%7Db}")
            #expect(keys.session(named: "h") == "p:session:{h}")
        }
    }

    @Test("what a client says of itself is cut, whole characters only")
    func cut() {
        #expect("abc".cut(toBytes: 3) == "abc")
        #expect("abcd".cut(toBytes: 3) == "abc")
        #expect("aüü".cut(toBytes: 4) == "aü")
        #expect("👍👍".cut(toBytes: 7) == "👍")
        #expect("👍".cut(toBytes: 3) == "")
    }
}
