import NIOCore
import Testing

@testable import EngineIO

@Suite struct HeartbeatTests {
    private let first = EngineConnection.ID(number: 1)
    private let second = EngineConnection.ID(number: 2)

    private func at(_ seconds: Int64, _ milliseconds: Int64 = 0) -> NIODeadline {
        .uptimeNanoseconds(0) + .seconds(seconds) + .milliseconds(milliseconds)
    }

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
        #expect(heartbeat.nextDeadline == at(45, 100))
        #expect(heartbeat.next(now: at(44, 999)) == nil)
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

    @Test("what is due within a 250th of the interval is done at once: pings early, overdue pongs late")
    func batches() {
        var heartbeat = Heartbeat(interval: .seconds(25), timeout: .seconds(20))
        heartbeat.alive(first, now: at(0))
        heartbeat.alive(second, now: at(0, 100))
        heartbeat.alive(first, now: at(0, 101))
        #expect(heartbeat.nextDeadline == at(25))
        #expect(heartbeat.next(now: at(25)) == .ping(first, pongBefore: at(45)))
        #expect(heartbeat.next(now: at(25)) == .ping(second, pongBefore: at(45)))
        #expect(heartbeat.next(now: at(25)) == nil)
        #expect(heartbeat.nextDeadline == at(25, 101))
        #expect(heartbeat.next(now: at(25, 101)) == .ping(first, pongBefore: at(45, 101)))
        heartbeat.alive(second, now: at(20, 50))
        // The pongs of 45 s wait for the ping of 45.05 s.
        #expect(heartbeat.nextDeadline == at(45, 50))
        #expect(heartbeat.next(now: at(45, 50)) == .due(first, at(45)))
        #expect(heartbeat.next(now: at(45, 50)) == .due(second, at(45)))
        #expect(heartbeat.next(now: at(45, 50)) == .ping(second, pongBefore: at(65, 50)))
        #expect(heartbeat.nextDeadline == at(45, 201))
    }
}
