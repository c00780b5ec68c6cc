import Testing

@testable import Sessions

@Suite("Sockets of a session")
struct SessionSeatsTests {
    private let seats = SessionSeats()
    private let handle = SessionHandle.random()

    @Test("a session has so many seats, whatever event loop asks, and a seat that is left is free")
    func limit() {
        var taken = (0..<3).map { _ in seats.take(handle, isAlias: false, limit: 3) }
        #expect(taken.allSatisfy { $0 != nil })
        #expect(seats.take(handle, isAlias: false, limit: 3) == nil)
        taken.removeLast()
        #expect(seats.take(handle, isAlias: false, limit: 3) != nil)
    }

    @Test("an alias takes no seat from its session, nor does another session")
    func others() {
        let taken = seats.take(handle, isAlias: true, limit: 1)
        #expect(taken != nil)
        #expect(seats.take(handle, isAlias: false, limit: 1) != nil)
        #expect(seats.take(.random(), isAlias: true, limit: 1) != nil)
        #expect(seats.take(handle, isAlias: true, limit: 1) == nil)
    }

    @Test("a socket that only changes its session gets a seat beyond the limit")
    func moving() {
        let first = seats.take(handle, isAlias: false, limit: 1)
        let second = seats.take(handle, isAlias: false)
        #expect(first != nil)
        #expect(seats.take(handle, isAlias: false, limit: 2) == nil)
        withExtendedLifetime(second) {}
    }

    @Test("the record is told of what it did not count itself: moves, ends, and what was refused")
    func untold() {
        let name = SessionSeats.Name(handle: handle, isAlias: false)
        var connected = seats.take(handle, isAlias: false, limit: 1)
        #expect(connected != nil && seats.takeUntold() == [:])
        #expect(seats.take(handle, isAlias: false, limit: 1) == nil)
        #expect(seats.takeUntold() == [name: -1])
        let moved = seats.take(handle, isAlias: false)
        #expect(seats.counted(name) == (taken: 2, untold: 1))
        connected = nil
        #expect(seats.counted(name) == (taken: 1, untold: 0))
        withExtendedLifetime(moved) { #expect(seats.takeUntold() == [:]) }
        seats.giveBack([name: 2])
        #expect(seats.takeUntold() == [name: 2])
    }

    @Test("a session that was full is full for a moment")
    func full() {
        let name = SessionSeats.Name(handle: handle, isAlias: false)
        let now = ContinuousClock.now
        #expect(!seats.wasFull(name, now: now))
        seats.isFull(name, now: now)
        #expect(seats.wasFull(name, now: now + .milliseconds(900)))
        #expect(!seats.wasFull(name, now: now + .milliseconds(1_100)))
    }
}
