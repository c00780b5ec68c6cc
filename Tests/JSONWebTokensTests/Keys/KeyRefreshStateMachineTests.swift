import Testing

@testable import JSONWebTokens

@Suite("When a provider's keys are read")
struct KeyRefreshStateMachineTests {
    private let times = KeyRefreshTimes(
        usual: .seconds(600), betweenMisses: .seconds(10), firstRetry: .seconds(1), lastRetry: .seconds(30))
    private let start = ContinuousClock.now
    private let none = KeySet(keys: [])

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// One that has read its keys at the start.
    private func settled() -> KeyRefreshStateMachine {
        var machine = KeyRefreshStateMachine(times: times, now: start)
        #expect(machine.timePassed(now: start) == .read)
        #expect(machine.readingSucceeded(none, freshFor: nil, now: start) == .none)
        return machine
    }

    @Test("keys are read at the start, once, and then when they are old")
    func usual() {
        var machine = KeyRefreshStateMachine(times: times, now: start)
        #expect(machine.timePassed(now: start) == .read)
        #expect(machine.timePassed(now: at(1)) == .wait(until: at(601)))
        #expect(machine.keyMissed(now: at(1)) == .wait)
        #expect(machine.readingSucceeded(none, freshFor: nil, now: at(2)) == .none)
        #expect(machine.timePassed(now: at(2)) == .wait(until: at(602)))
        #expect(machine.timePassed(now: at(601)) == .wait(until: at(602)))
        #expect(machine.timePassed(now: at(602)) == .read)
    }

    @Test(
        "what the provider says of its keys' freshness is believed from a minute to a day",
        arguments: [(0, 60), (59, 60), (61, 61), (3_600, 3_600), (86_400, 86_400), (1_000_000, 86_400)])
    func freshness(_ said: Int, _ believed: Int) {
        var machine = KeyRefreshStateMachine(times: times, now: start)
        _ = machine.timePassed(now: start)
        _ = machine.readingSucceeded(none, freshFor: .seconds(said), now: start)
        #expect(machine.timePassed(now: start) == .wait(until: at(believed)))
    }

    @Test("an unknown key has them read at once, but not again and again")
    func misses() {
        var machine = settled()
        #expect(machine.keyMissed(now: at(9)) == .refuse)
        #expect(machine.keyMissed(now: at(10)) == .wait)
        #expect(machine.timePassed(now: at(10)) == .read)
        #expect(machine.keyMissed(now: at(11)) == .wait)
        _ = machine.readingSucceeded(none, freshFor: nil, now: at(11))
        #expect(machine.keyMissed(now: at(19)) == .refuse)
        #expect(machine.keyMissed(now: at(20)) == .wait)
    }

    @Test("failures are tried again after waits that double; the keys stay, one warning is due")
    func failures() {
        var machine = settled()
        machine.reloadAsked(now: at(0))
        var now = 0
        for (index, wait) in [1, 2, 4, 8, 16, 30, 30].enumerated() {
            #expect(machine.timePassed(now: at(now)) == .read)
            #expect(machine.readingFailed(now: at(now)) == (index == 0 ? .warn : .none))
            #expect(machine.timePassed(now: at(now)) == .wait(until: at(now + wait)))
            #expect(machine.keys != nil)
            now += wait
        }
        #expect(machine.timePassed(now: at(now)) == .read)
        #expect(machine.readingSucceeded(none, freshFor: nil, now: at(now)) == .tellRecovery)
        #expect(machine.timePassed(now: at(now + 600)) == .read)
        #expect(machine.readingFailed(now: at(now + 600)) == .warn)
    }

    @Test("while the keys cannot be read, an unknown one may be the provider's: that is unavailable, and no refusal")
    func lacking() {
        var machine = KeyRefreshStateMachine(times: times, now: start)
        #expect(machine.isLacking)
        #expect(machine.keyMissed(now: start) == .wait)
        _ = machine.timePassed(now: start)
        _ = machine.readingFailed(now: start)
        #expect(machine.keyMissed(now: at(9)) == .unavailable)
        #expect(machine.keyMissed(now: at(10)) == .wait)
        _ = machine.timePassed(now: at(10))
        _ = machine.readingSucceeded(none, freshFor: nil, now: at(10))
        #expect(!machine.isLacking)
        _ = machine.timePassed(now: at(610))
        _ = machine.readingFailed(now: at(610))
        #expect(machine.isLacking && machine.keyMissed(now: at(611)) == .unavailable)
    }

    @Test("the operator's word has them read at once")
    func reload() {
        var machine = settled()
        machine.reloadAsked(now: at(1))
        #expect(machine.timePassed(now: at(1)) == .read)
    }

    @Test("the operator's word during a reading, which may have begun before the change, has another one follow")
    func reloadWhileReading() {
        var machine = KeyRefreshStateMachine(times: times, now: start)
        #expect(machine.timePassed(now: start) == .read)
        machine.reloadAsked(now: at(1))
        _ = machine.readingSucceeded(none, freshFor: nil, now: at(2))
        #expect(machine.timePassed(now: at(2)) == .read)
        machine.reloadAsked(now: at(3))
        _ = machine.readingFailed(now: at(4))
        #expect(machine.timePassed(now: at(4)) == .read)
        _ = machine.readingSucceeded(none, freshFor: nil, now: at(5))
        #expect(machine.timePassed(now: at(5)) == .wait(until: at(605)))
    }
}
