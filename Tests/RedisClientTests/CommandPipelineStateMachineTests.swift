import NIOCore
import Testing

@testable import RedisClient

@Suite("The state machine of a command pipeline")
struct CommandPipelineStateMachineTests {
    private typealias Machine = CommandPipeline.StateMachine<Int>

    private func machine() -> Machine {
        Machine(commandTimeout: .milliseconds(500), patience: .seconds(5))
    }

    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .milliseconds(milliseconds)
    }

    @Test("answers belong to commands in their order")
    func order() {
        var machine = self.machine()
        #expect(machine.commandsSubmitted([1, 2], now: at(0)) == .write(timer: at(500)))
        #expect(machine.commandsSubmitted([3], now: at(10)) == .write(timer: nil))
        #expect(machine.unanswered == 3)
        #expect(machine.replyReceived() == .answer(1))
        #expect(machine.replyReceived() == .answer(2))
        #expect(machine.timerFired(now: at(500)) == .setTimer(at(510)))
        #expect(machine.replyReceived() == .answer(3))
        #expect(machine.unanswered == 0)
        #expect(machine.timerFired(now: at(510)) == .nothing)
        #expect(machine.commandsSubmitted([4], now: at(600)) == .write(timer: at(1100)))
    }

    @Test("an answer nobody asked for closes")
    func unasked() {
        var machine = self.machine()
        #expect(machine.replyReceived() == .closeUnexpected)
    }

    @Test("after a time-out there is one probe, nothing is written, and the late answer is thrown away")
    func timeOut() {
        var machine = self.machine()
        _ = machine.commandsSubmitted([1], now: at(0))
        _ = machine.commandsSubmitted([2], now: at(100))
        #expect(machine.timerFired(now: at(500)) == .timeOut([1], probe: true, timer: at(600)))
        #expect(machine.isSuspect)
        #expect(machine.commandsSubmitted([3, 4], now: at(550)) == .refuse([3, 4]))
        #expect(machine.timerFired(now: at(600)) == .timeOut([2], probe: false, timer: at(5500)))
        #expect(machine.unanswered == 2)
        #expect(machine.replyReceived() == .discard)
        #expect(!machine.isSuspect)
        // The timer for the end of the suspicion is too late for this one.
        #expect(machine.commandsSubmitted([5], now: at(700)) == .write(timer: at(1200)))
        #expect(machine.replyReceived() == .discard)
        #expect(machine.replyReceived() == .discard)
        #expect(machine.unanswered == 1)
        #expect(machine.replyReceived() == .answer(5))
    }

    @Test("while an old probe is unanswered, a second time-out sends no other")
    func oneProbe() {
        var machine = self.machine()
        _ = machine.commandsSubmitted([1, 2], now: at(0))
        #expect(machine.timerFired(now: at(500)) == .timeOut([1, 2], probe: true, timer: at(5500)))
        #expect(machine.replyReceived() == .discard)
        #expect(machine.commandsSubmitted([3], now: at(600)) == .write(timer: at(1100)))
        #expect(machine.timerFired(now: at(1100)) == .timeOut([3], probe: false, timer: at(6100)))
        #expect(machine.isSuspect)
        #expect(machine.replyReceived() == .discard)
        #expect(machine.replyReceived() == .discard)
        #expect(machine.commandsSubmitted([4], now: at(1200)) == .write(timer: at(1700)))
        #expect(machine.replyReceived() == .discard)
        #expect(machine.replyReceived() == .answer(4))
        _ = machine.commandsSubmitted([5], now: at(1300))
        #expect(machine.timerFired(now: at(1800)) == .timeOut([5], probe: true, timer: at(6800)))
    }

    @Test("a suspect connection that stays silent is closed")
    func silent() {
        var machine = self.machine()
        _ = machine.commandsSubmitted([1], now: at(0))
        _ = machine.timerFired(now: at(500))
        #expect(machine.timerFired(now: at(5499)) == .setTimer(at(5500)))
        #expect(machine.timerFired(now: at(5500)) == .closeSilent([]))
        #expect(machine.commandsSubmitted([2], now: at(5501)) == .refuse([2]))
        #expect(machine.timerFired(now: at(9000)) == .nothing)
        #expect(machine.replyReceived() == .closeUnexpected)
    }

    @Test("the end of the connection ends every wait once")
    func closed() {
        var machine = self.machine()
        _ = machine.commandsSubmitted([1], now: at(0))
        _ = machine.commandsSubmitted([2, 3], now: at(400))
        _ = machine.timerFired(now: at(500))
        #expect(machine.closed() == [2, 3])
        #expect(machine.closed() == [])
        #expect(machine.unanswered == 0)
    }
}
