import Testing

@testable import SocketIOClient

@Suite("When a client connects, waits, and gives up")
struct ReconnectionMachineTests {
    @Test("it opens when a socket wants it, waits longer each time that fails, and begins anew after a success")
    func life() {
        var machine = ReconnectionMachine(.init())
        #expect(machine.connectWanted() == .open)
        #expect(machine.connectWanted() == .none)
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 1, .seconds(1)))
        #expect(machine.connectWanted() == .none)
        #expect(machine.pauseEnded() == .open)
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 2, .seconds(2)))
        #expect(machine.pauseEnded() == .open)
        machine.opened()
        #expect(machine.connectWanted() == .none)
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 1, .seconds(1)))
    }

    @Test("without reconnection the first end is the last")
    func once() {
        var machine = ReconnectionMachine(nil)
        #expect(machine.connectWanted() == .open)
        machine.opened()
        #expect(machine.ended(isWanted: true, random: 0.5) == .giveUp)
        #expect(machine.connectWanted() == .none)
        #expect(machine.ended(isWanted: true, random: 0.5) == .none)
    }

    @Test("it gives up after the attempts it may make")
    func attempts() {
        var machine = ReconnectionMachine(.init(attempts: 1))
        #expect(machine.connectWanted() == .open)
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 1, .seconds(1)))
        #expect(machine.pauseEnded() == .open)
        #expect(machine.ended(isWanted: true, random: 0.5) == .giveUp)
        #expect(machine.pauseEnded() == .none)
    }

    @Test("an end that nobody minds leads nowhere, until a socket wants to be connected again")
    func unwanted() {
        var machine = ReconnectionMachine(.init())
        #expect(machine.connectWanted() == .open)
        machine.opened()
        #expect(machine.ended(isWanted: false, random: 0.5) == .none)
        #expect(machine.pauseEnded() == .none)
        #expect(machine.connectWanted() == .open)
    }

    @Test("a pause that nobody minds any more ends at once")
    func cancelled() {
        var machine = ReconnectionMachine(.init())
        machine.waitingCancelled()
        #expect(machine.connectWanted() == .open)
        machine.waitingCancelled()
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 1, .seconds(1)))
        machine.waitingCancelled()
        #expect(machine.pauseEnded() == .none)
        #expect(machine.connectWanted() == .open)
        #expect(machine.ended(isWanted: true, random: 0.5) == .wait(attempt: 1, .seconds(1)))
    }

    @Test("once closed, nothing leads anywhere")
    func closed() {
        var machine = ReconnectionMachine(.init())
        machine.closed()
        machine.opened()
        machine.waitingCancelled()
        #expect(machine.connectWanted() == .none)
        #expect(machine.pauseEnded() == .none)
        #expect(machine.ended(isWanted: true, random: 0.5) == .none)
    }
}
