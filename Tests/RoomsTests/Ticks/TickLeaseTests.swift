@testable import Rooms
import Testing

@Suite("The lease of a room's clock")
struct TickLeaseTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func held(since milliseconds: Int = 0) -> TickLease {
        var lease = TickLease()
        #expect(lease.question(wanted: true, fresh: "a", now: at(milliseconds)) == .take(token: "a"))
        #expect(
            lease.answered(.take(token: "a"), granted: true, asked: at(milliseconds), now: at(milliseconds + 1))
                == .begin(token: "a", isTakeover: false))
        return lease
    }

    @Test("nothing is asked for a room that is not to be ticked")
    func unwanted() {
        var lease = TickLease()
        #expect(lease.question(wanted: false, fresh: "a", now: start) == nil)
        #expect(!lease.wasAsked)
        #expect(!lease.isHeld(at: start))
    }

    @Test("a lease lives from before it was asked for, and no longer than it is kept")
    func life() {
        var lease = held()
        #expect(lease.isHeld("a", at: at(1_199)))
        #expect(!lease.isHeld("a", at: at(1_200)))
        #expect(!lease.isHeld("b", at: at(1)))
        #expect(lease.question(wanted: true, fresh: "b", now: at(400)) == .keep(token: "a"))
        #expect(lease.answered(.keep(token: "a"), granted: true, asked: at(400), now: at(450)) == .none)
        #expect(lease.isHeld("a", at: at(1_599)))
        #expect(!lease.isHeld("a", at: at(1_600)))
    }

    @Test("commits keep it, also when their answers come in another order")
    func commits() {
        var lease = held()
        lease.renewed("a", asked: at(900))
        lease.renewed("a", asked: at(300))
        lease.renewed("b", asked: at(2_000))
        #expect(lease.isHeld("a", at: at(2_099)))
        #expect(!lease.isHeld("a", at: at(2_100)))
    }

    @Test("one that is over by the node's own clock is taken anew, with another token")
    func frozen() {
        var lease = held()
        #expect(lease.question(wanted: true, fresh: "b", now: at(1_200)) == .take(token: "b"))
        #expect(!lease.isHeld(at: at(0)))
        // What was asked with the old token before is of no use any more.
        #expect(lease.answered(.keep(token: "a"), granted: true, asked: at(1_100), now: at(1_201)) == .none)
        #expect(!lease.isHeld(at: at(1_201)))
    }

    @Test("an answer that comes after its lease is over gives nothing")
    func lateAnswer() {
        var lease = TickLease()
        _ = lease.question(wanted: true, fresh: "a", now: start)
        #expect(lease.answered(.take(token: "a"), granted: true, asked: start, now: at(1_200)) == .none)
        #expect(!lease.isHeld(at: at(1_200)))
    }

    @Test("whoever is refused asks again, and takes over when the other is gone")
    func takeover() {
        var lease = TickLease()
        _ = lease.question(wanted: true, fresh: "a", now: start)
        #expect(lease.answered(.take(token: "a"), granted: false, asked: start, now: at(1)) == .none)
        #expect(lease.question(wanted: true, fresh: "b", now: at(400)) == .take(token: "b"))
        #expect(
            lease.answered(.take(token: "b"), granted: true, asked: at(400), now: at(401))
                == .begin(token: "b", isTakeover: true))
    }

    @Test("one that is not wanted any more ends at once, and is given up")
    func givenUp() {
        var lease = held()
        #expect(lease.question(wanted: false, fresh: "b", now: at(10)) == .give(token: "a"))
        #expect(!lease.isHeld(at: at(10)))
        #expect(lease.answered(.give(token: "a"), granted: true, asked: at(10), now: at(11)) == .none)
        #expect(lease.question(wanted: false, fresh: "b", now: at(12)) == nil)
        #expect(lease.question(wanted: true, fresh: "b", now: at(12)) == .take(token: "b"))
    }

    @Test("what was asked a moment ago is not asked again, unless the lease was given up meanwhile")
    func often() {
        var lease = held()
        #expect(lease.question(wanted: true, fresh: "b", now: at(99)) == nil)
        #expect(lease.isHeld("a", at: at(99)))
        #expect(lease.question(wanted: true, fresh: "b", now: at(100)) == .keep(token: "a"))
        #expect(lease.question(wanted: true, fresh: "b", now: at(199)) == nil)

        var other = TickLease()
        #expect(other.question(wanted: true, fresh: "a", now: start) == .take(token: "a"))
        #expect(other.answered(.take(token: "a"), granted: false, asked: start, now: at(1)) == .none)
        #expect(other.question(wanted: true, fresh: "b", now: at(50)) == nil)
        other.freed()
        #expect(other.question(wanted: true, fresh: "c", now: at(51)) == .take(token: "c"))
    }

    @Test("one that Redis refuses ends; a refusal of an older one changes nothing")
    func lost() {
        var lease = held()
        #expect(lease.answered(.keep(token: "older"), granted: false, asked: at(1), now: at(2)) == .none)
        #expect(lease.lost("older") == .none)
        #expect(lease.isHeld("a", at: at(2)))
        #expect(lease.answered(.keep(token: "a"), granted: false, asked: at(3), now: at(4)) == .end)
        #expect(!lease.isHeld(at: at(4)))

        var other = held()
        #expect(other.lost("a") == .end)
        #expect(!other.isHeld(at: at(4)))
    }

    @Test("the time of ticks is Redis's, and never goes back")
    func clock() {
        var clock = TickClock()
        #expect(clock.time(at: start) == 0)
        clock.heard(1_000_000, at: at(0))
        #expect(clock.time(at: at(250)) == 1_000_250)
        clock.heard(1_000_200, at: at(300))
        #expect(clock.time(at: at(310)) == 1_000_250)
        #expect(clock.time(at: at(400)) == 1_000_300)
    }

    @Test("a tick that is decided again has the same random numbers, the next one has others")
    func random() {
        func numbers(_ number: Int) -> [UInt64] {
            var random = Tick(number: number, interval: .milliseconds(20), time: 0, seed: 7).random
            return (0..<8).map { _ in random.next() }
        }
        #expect(numbers(1) == numbers(1))
        #expect(Set(numbers(1) + numbers(2) + numbers(3)).count == 24)
    }
}
