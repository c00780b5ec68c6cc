import NIOCore
import Testing

@testable import Rooms

@Suite("The pace of a room's patches")
struct PatchPaceTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func at(_ milliseconds: Int64) -> NIODeadline { start + .milliseconds(milliseconds) }

    @Test("at rest each change is told at once, the first after a pause too")
    func rest() {
        for interval in [TimeAmount.zero, .milliseconds(50)] {
            var pace = PatchPace(interval: interval)
            for second in [Int64(0), 1_000, 2_000] {
                #expect(pace.changed(now: at(second)) == .send)
                #expect(pace.left(isAnyUntold: false, now: at(second + 10)) == .none)
            }
        }
    }

    @Test("what changes while a patch is on its way is told after it, and after a pause as long as it took")
    func backPressure() {
        var pace = PatchPace(interval: .zero)
        #expect(pace.changed(now: at(0)) == .send)
        #expect(pace.changed(now: at(1)) == .none)
        #expect(pace.changed(now: at(2)) == .none)
        #expect(pace.left(isAnyUntold: true, now: at(4)) == .wait(until: at(8)))
        #expect(pace.changed(now: at(5)) == .none)
        #expect(pace.timeCame(isAnyUntold: true, now: at(8)) == .send)
        #expect(pace.left(isAnyUntold: false, now: at(10)) == .none)
        // Within the pause, but nothing waited until now.
        #expect(pace.changed(now: at(11)) == .wait(until: at(12)))
        #expect(pace.timeCame(isAnyUntold: true, now: at(12)) == .send)
    }

    @Test("after a patch that was sent quickly there is no pause, after a slow one a bounded one")
    func pauses() {
        var pace = PatchPace(interval: .zero)
        #expect(pace.changed(now: at(0)) == .send)
        #expect(pace.changed(now: at(0)) == .none)
        let quick = at(0) + PatchPace.leastSendingTime - .nanoseconds(1)
        #expect(pace.left(isAnyUntold: true, now: quick) == .send)
        #expect(pace.left(isAnyUntold: true, now: at(5_000)) == .wait(until: at(5_000) + PatchPace.longestPause))
    }

    @Test("with an interval there is one patch within it at most")
    func interval() {
        var pace = PatchPace(interval: .milliseconds(50))
        #expect(pace.changed(now: at(0)) == .send)
        #expect(pace.left(isAnyUntold: false, now: at(1)) == .none)
        #expect(pace.changed(now: at(10)) == .wait(until: at(50)))
        #expect(pace.changed(now: at(20)) == .none)
        #expect(pace.timeCame(isAnyUntold: true, now: at(51)) == .send)
        #expect(pace.left(isAnyUntold: true, now: at(52)) == .wait(until: at(101)))
        #expect(pace.timeCame(isAnyUntold: true, now: at(101)) == .send)
        // Sending took longer than the interval.
        #expect(pace.left(isAnyUntold: true, now: at(161)) == .wait(until: at(161) + PatchPace.longestPause))
    }

    @Test("what need not be told any more when its time comes is not sent, and holds up nothing")
    func forgotten() {
        var pace = PatchPace(interval: .milliseconds(50))
        #expect(pace.changed(now: at(0)) == .send)
        #expect(pace.left(isAnyUntold: true, now: at(1)) == .wait(until: at(50)))
        #expect(pace.timeCame(isAnyUntold: false, now: at(50)) == .none)
        #expect(pace.changed(now: at(60)) == .send)
        #expect(pace.left(isAnyUntold: false, now: at(61)) == .none)
        #expect(pace.left(isAnyUntold: true, now: at(62)) == .none)
    }
}
