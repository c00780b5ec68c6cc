import Testing

@testable import Cluster

@Suite("A node knows whether it hears")
struct HearingTests {
    /// A clock that only the test moves.
    private struct Clock {
        private let start = ContinuousClock.now

        func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }
    }

    private let clock = Clock()

    /// A canary that is heard in the moment it is sent.
    private func hear(_ hearing: inout Hearing, _ milliseconds: Int) -> Hearing.HeardAction {
        let now = clock.at(milliseconds)
        return hearing.canaryHeard(hearing.canarySent(now: now), now: now)
    }

    @Test("a node that hears its canaries is never deaf")
    func hears() {
        var hearing = Hearing(now: clock.at(0))
        for second in 1...100 {
            let number = hearing.canarySent(now: clock.at(second * 1_000))
            #expect(hearing.canaryHeard(number, now: clock.at(second * 1_000)) == .none)
            #expect(hearing.tick(now: clock.at(second * 1_000 + 999), jitter: 0.5) == .none)
        }
        #expect(hearing.lastHeard == clock.at(100_000))
        #expect(!hearing.isDeaf)
    }

    @Test("after three seconds without a canary it is deaf, told once, and hears again with the next one")
    func deaf() {
        var hearing = Hearing(now: clock.at(0))
        #expect(hear(&hearing, 1_000) == .none)
        #expect(hearing.tick(now: clock.at(3_999), jitter: 0.5) == .none)
        #expect(hearing.tick(now: clock.at(4_000), jitter: 0.5) == .deaf)
        #expect(hearing.isDeaf)
        #expect(hearing.tick(now: clock.at(4_250), jitter: 0.5) == .none)
        #expect(hear(&hearing, 5_000) == .hearsAgain)
        #expect(!hearing.isDeaf)
        #expect(hear(&hearing, 6_000) == .none)
    }

    @Test("a connection is made anew only while commands are answered, with growing pauses")
    func reconnects() {
        var hearing = Hearing(now: clock.at(0))
        #expect(hearing.tick(now: clock.at(3_000), jitter: 0.5) == .deaf)
        // Nothing is answered: Redis is slow or away, and is not made slower.
        #expect(hearing.tick(now: clock.at(3_250), jitter: 0.5) == .none)
        var reconnects: [Int] = []
        for time in stride(from: 4_000, through: 40_000, by: 250) {
            hearing.commandAnswered(now: clock.at(time))
            if hearing.tick(now: clock.at(time), jitter: 0.5) == .reconnect { reconnects.append(time) }
        }
        #expect(reconnects == [4_000, 6_000, 10_000, 18_000, 34_000])
    }

    @Test("an answer from before the silence is no sign that commands are answered")
    func staleAnswer() {
        var hearing = Hearing(now: clock.at(0))
        hearing.commandAnswered(now: clock.at(1_000))
        #expect(hearing.tick(now: clock.at(3_000), jitter: 0.5) == .deaf)
        #expect(hearing.tick(now: clock.at(3_250), jitter: 0.5) == .none)
    }

    @Test("what is lost and found within three seconds is missed all the same")
    func shortGap() {
        var hearing = Hearing(now: clock.at(0))
        #expect(hear(&hearing, 0) == .none)
        hearing.lost(now: clock.at(500))
        hearing.lost(now: clock.at(500))
        hearing.subscribed(now: clock.at(700))
        #expect(hearing.tick(now: clock.at(750), jitter: 0.5) == .none)
        #expect(hear(&hearing, 800) == .hearsAgain)
    }

    @Test("a canary does not end a gap before all channels are back")
    func halfBack() {
        var hearing = Hearing(now: clock.at(0))
        hearing.lost(now: clock.at(100))
        #expect(hear(&hearing, 200) == .none)
        hearing.subscribed(now: clock.at(300))
        #expect(hear(&hearing, 400) == .hearsAgain)
    }

    @Test("a lost connection is left to come back by itself for a while")
    func returning() {
        var hearing = Hearing(now: clock.at(0))
        hearing.lost(now: clock.at(1_000))
        #expect(hearing.tick(now: clock.at(3_000), jitter: 0) == .deaf)
        hearing.commandAnswered(now: clock.at(5_900))
        #expect(hearing.tick(now: clock.at(5_999), jitter: 0) == .none)
        #expect(hearing.tick(now: clock.at(6_000), jitter: 0) == .reconnect)
    }

    @Test("a canary counts from when it was sent; a forged, repeated or very old number does not count")
    func numbers() {
        var hearing = Hearing(now: clock.at(0))
        let first = hearing.canarySent(now: clock.at(0))
        let second = hearing.canarySent(now: clock.at(1_000))
        #expect(hearing.canaryHeard(first, now: clock.at(1_500)) == .none)
        #expect(hearing.lastHeard == clock.at(0))
        #expect(hearing.canaryHeard(99, now: clock.at(1_500)) == .none)
        #expect(hearing.canaryHeard(-1, now: clock.at(1_500)) == .none)
        #expect(hearing.canaryHeard(first, now: clock.at(1_500)) == .none)
        #expect(hearing.lastHeard == clock.at(0))
        for second in 2...20 { _ = hearing.canarySent(now: clock.at(second * 1_000)) }
        #expect(hearing.canaryHeard(second, now: clock.at(20_000)) == .none)
        #expect(hearing.lastHeard == clock.at(0))
    }

    @Test("a canary that was held up for three seconds does not end deafness")
    func heldUp() {
        var hearing = Hearing(now: clock.at(0))
        let first = hearing.canarySent(now: clock.at(500))
        let second = hearing.canarySent(now: clock.at(1_500))
        #expect(hearing.tick(now: clock.at(3_000), jitter: 0) == .deaf)
        #expect(hearing.canaryHeard(first, now: clock.at(4_000)) == .none)
        #expect(hearing.isDeaf)
        #expect(hearing.tick(now: clock.at(4_000), jitter: 0) == .none)
        #expect(hearing.canaryHeard(second, now: clock.at(4_000)) == .hearsAgain)
    }
}
