import NIOCore
import Testing

@testable import RedisClient

@Suite("The state machine of subscriptions")
struct SubscriptionsStateMachineTests {
    private let room = RedisChannel.sharded("room")

    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    @Test("confirmations belong to what was asked, in order; messages pass between them")
    func confirmations() {
        var machine = Subscriptions.StateMachine(now: at(0))
        machine.subscribeSent(self.room, 1, now: at(0))
        machine.unsubscribeSent(self.room, now: at(0))
        machine.subscribeSent(self.room, 2, now: at(0))
        #expect(machine.pushReceived(.subscribed(self.room)) == .confirm(self.room, 1))
        let payload = ByteBuffer(string: "x")
        #expect(machine.pushReceived(.message(self.room, payload)) == .deliver(self.room, payload))
        #expect(machine.pushReceived(.unsubscribed(self.room)) == .nothing)
        #expect(
            machine.pushReceived(.error(code: "NOPERM", message: "no"))
                == .refuse(self.room, 2, .server("NOPERM"), "no"))
    }

    @Test(
        "what was not asked for closes",
        arguments: [
            Push.subscribed(.plain("room")), .unsubscribed(.sharded("room")), .pong, .unknown,
            .error(code: "ERR", message: "x"),
        ])
    func unasked(push: Push) {
        var machine = Subscriptions.StateMachine(now: at(0))
        guard case .close = machine.pushReceived(push) else {
            Issue.record("\(push) was taken")
            return
        }
    }

    @Test("a silent connection is asked after 5 s, and closed 3 s later")
    func liveness() {
        var machine = Subscriptions.StateMachine(now: at(0))
        #expect(machine.timerFired(now: at(0)) == .setTimer(at(3000)))
        #expect(machine.timerFired(now: at(3000)) == .setTimer(at(5000)))
        #expect(machine.timerFired(now: at(5000)) == .ping(timer: at(8000)))
        #expect(machine.pushReceived(.pong) == .nothing)
        machine.heard(now: at(5001))
        #expect(machine.timerFired(now: at(8000)) == .setTimer(at(10_001)))
        #expect(machine.timerFired(now: at(10_001)) == .ping(timer: at(13_001)))
        #expect(machine.timerFired(now: at(13_001)) == .closeSilent)
    }

    @Test("an unanswered subscription closes, too; any byte shows that the server is there")
    func unanswered() {
        var machine = Subscriptions.StateMachine(now: at(0))
        machine.subscribeSent(self.room, 1, now: at(100))
        #expect(machine.timerFired(now: at(3000)) == .setTimer(at(3100)))
        machine.heard(now: at(3050))
        #expect(machine.timerFired(now: at(3100)) == .setTimer(at(6050)))
        #expect(machine.timerFired(now: at(6050)) == .closeSilent)
    }
}
