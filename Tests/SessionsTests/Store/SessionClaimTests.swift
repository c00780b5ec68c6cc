@testable import Sessions
import TestSupport
import Testing

@Suite("claiming a login")
struct SessionClaimTests {
    private func isRefused(_ claim: SessionClaim) -> Bool {
        if case .refused = claim { true } else { false }
    }

    @Test("a ticket works once, and two claims at once give one cookie")
    func once() async throws {
        try await SessionCluster.run { cluster in
            let login = try await cluster.logIn(try cluster.keys.issueGuest())
            let ticket = try #require(login.ticket)
            let claimed = try await withThrowingTaskGroup(of: Bool.self, returning: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        if case .claimed = try await cluster.store.claim(ticket, presented: nil) { true } else { false }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(claimed == 1)
            #expect(self.isRefused(try await cluster.store.claim(ticket, presented: nil)))
        }
    }

    @Test("a claim gives the session its full life")
    func fullLife() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            #expect(try await cluster.life(of: guest.handle) <= 60_000)
            _ = try await cluster.claim(login)
            #expect(try await cluster.life(of: guest.handle) > 3_500_000)
            #expect(try await cluster.field("ticket", of: guest.handle) == "")
        }
    }

    @Test("a ticket too old is refused, although the session lives on")
    func tooOld() async throws {
        try await SessionCluster.run(grace: .milliseconds(300)) { cluster in
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            let ticket = try #require(login.ticket)
            let start = ContinuousClock.now
            try await eventually {
                _ = try await cluster.store.touch([SessionTouch(guest.handle, slides: true)])
                return ContinuousClock.now - start > .milliseconds(400)
            }
            #expect(self.isRefused(try await cluster.store.claim(ticket, presented: nil)))
            let states = try await cluster.store.touch([SessionTouch(guest.handle, slides: true)])
            #expect(states[0].holds(login.loginGuard))
        }
    }

    @Test("a ticket is refused after a logout, a revocation and \"everywhere\"")
    func afterTheEnd() async throws {
        try await SessionCluster.run { cluster in
            let ends: [(SessionGuard) async throws -> Void] = [
                { _ = try await cluster.store.logOut($0) },
                { _ = try await cluster.store.revoke($0.handle) },
                { _ = try await cluster.store.endAll(of: $0.userID).get() },
            ]
            for end in ends {
                let login = try await cluster.logIn(try cluster.keys.issueGuest())
                let ticket = try #require(login.ticket)
                try await end(login.loginGuard)
                #expect(self.isRefused(try await cluster.store.claim(ticket, presented: nil)))
            }
        }
    }

    @Test("the old ticket of an earlier login does not open a later one")
    func earlierTicket() async throws {
        try await SessionCluster.run { cluster in
            let guest = try cluster.keys.issueGuest()
            let first = try await cluster.logIn(guest)
            _ = try await cluster.store.logOut(first.loginGuard)
            let second = try await cluster.logIn(guest, as: "2")
            #expect(second.isInPlace)
            #expect(self.isRefused(try await cluster.store.claim(try #require(first.ticket), presented: nil)))
            _ = try await cluster.claim(second)
        }
    }

    @Test("with the cookie of another session that is logged in it is refused and not spent; with any other it works")
    func otherSession() async throws {
        try await SessionCluster.run { cluster in
            let (_, other) = try await cluster.player("2")
            let guest = try cluster.keys.issueGuest()
            let login = try await cluster.logIn(guest)
            let ticket = try #require(login.ticket)
            guard case .otherSession = try await cluster.store.claim(ticket, presented: other) else {
                Issue.record("the ticket was taken with another player's cookie")
                return
            }
            let dead = try cluster.keys.issue(.player, handle: .random(), secret: .random())
            let connected = try cluster.keys.issueGuest()
            _ = try await cluster.open(connected)
            let aliasOfOther = try cluster.keys.issueGuest()
            _ = try await cluster.logIn(aliasOfOther, as: "3")
            _ = try await cluster.claim(login, presented: guest)
            for presented in [dead, connected, aliasOfOther, try cluster.keys.issueGuest()] {
                _ = try await cluster.claim(try await cluster.logIn(nil), presented: presented)
            }
        }
    }
}
