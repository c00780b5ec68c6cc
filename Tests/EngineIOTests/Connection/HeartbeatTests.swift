import NIOCore
import Testing

@testable import EngineIO

@Suite struct HeartbeatTests {
    private let first = EngineConnection.ID(number: 1)
    private let second = EngineConnection.ID(number: 2)

    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test("a connection is pinged an interval after it was last alive, and is due a time-out later")
    func pingThenDue() {
        var heartbeat = Heartbeat(interval: .seconds(25), timeout: .seconds(20))
        #expect(heartbeat.nextDeadline == nil)
        #expect(heartbeat.next(now: at(0)) == nil)
        heartbeat.alive(first, now: at(0))
        #expect(heartbeat.nextDeadline == at(25))
        #expect(heartbeat.next(now: at(24)) == nil)
        #expect(heartbeat.next(now: at(25)) == .ping(first, pongBefore: at(45)))
        #expect(heartbeat.next(now: at(25)) == nil)
        #expect(heartbeat.nextDeadline == at(45))
        #expect(heartbeat.next(now: at(45)) == .due(first, at(45)))
        #expect(heartbeat.nextDeadline == nil)
    }

    @Test("overdue pongs come before pings, and everything in order of time")
    func order() {
        var heartbeat = Heartbeat(interval: .seconds(25), timeout: .seconds(20))
        heartbeat.alive(first, now: at(0))
        #expect(heartbeat.next(now: at(25)) == .ping(first, pongBefore: at(45)))
        heartbeat.alive(second, now: at(20))
        #expect(heartbeat.nextDeadline == at(45))
        #expect(heartbeat.next(now: at(50)) == .due(first, at(45)))
        #expect(heartbeat.next(now: at(50)) == .ping(second, pongBefore: at(70)))
        #expect(heartbeat.next(now: at(50)) == nil)
    }
}
