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
        #expect(first != nil && second != nil)
        #expect(seats.take(handle, isAlias: false, limit: 2) == nil)
    }
}
