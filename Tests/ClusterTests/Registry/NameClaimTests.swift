import Testing

@testable import Cluster

@Suite("Taking a node's name")
struct NameClaimTests {
    private let start = ContinuousClock.now
    private let holder = Incarnation.random()

    private func held(_ heartbeat: Int) -> NameClaim.Answer { .held(by: holder, heartbeat: heartbeat) }

    @Test("a free name is granted")
    func free() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.started() == .claim(replacing: nil))
        #expect(claim.answered(.granted, now: start) == .granted)
    }

    @Test("a holder that nobody listens for is replaced at once")
    func dead() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.answered(held(1), now: start) == .countListeners)
        #expect(claim.counted(others: 0) == .claim(replacing: holder))
        #expect(claim.answered(.granted, now: start) == .granted)
    }

    @Test("a holder that renews its record keeps the name")
    func alive() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.answered(held(1), now: start) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.waited() == .claim(replacing: nil))
        #expect(claim.answered(held(1), now: start + .seconds(1)) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.answered(held(2), now: start + .milliseconds(1_100)) == .taken)
    }

    @Test("a holder that listens but does nothing for two seconds is replaced")
    func frozen() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.answered(held(1), now: start) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.answered(held(1), now: start + .milliseconds(1_999)) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.answered(held(1), now: start + .seconds(2)) == .claim(replacing: holder))
    }

    @Test("a holder that stops listening meanwhile is replaced at once")
    func dying() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.answered(held(1), now: start) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.answered(held(1), now: start + .milliseconds(100)) == .countListeners)
        #expect(claim.counted(others: 0) == .claim(replacing: holder))
    }

    @Test("who was quicker to replace the dead holder is looked at anew")
    func race() {
        var claim = NameClaim(patience: .seconds(2))
        #expect(claim.answered(held(1), now: start) == .countListeners)
        #expect(claim.counted(others: 0) == .claim(replacing: holder))
        let other = Incarnation.random()
        #expect(claim.answered(.held(by: other, heartbeat: 5), now: start) == .countListeners)
        #expect(claim.counted(others: 1) == .wait(.milliseconds(100)))
        #expect(claim.answered(.held(by: other, heartbeat: 6), now: start + .seconds(1)) == .taken)
    }
}
