import Testing

@testable import Sessions

@Suite("Endings that were heard of lately")
struct RecentEndingsTests {
    private let endings = RecentEndings()
    private let handle = SessionHandle.random()
    private let start = ContinuousClock.now

    private func note(_ generation: Int, next: Int? = nil, after: Duration = .zero) {
        endings.note([SessionEnding(handle: handle, generation: generation, next: next)], now: start + after)
    }

    @Test("a login that was read before its ending was heard of is over; a later one is not")
    func generations() {
        note(7, next: 8)
        #expect(endings.ending(of: handle, generation: 6)?.next == 8)
        #expect(endings.ending(of: handle, generation: 7)?.next == 8)
        #expect(endings.ending(of: handle, generation: 8) == nil)
        #expect(endings.ending(of: .random(), generation: 1) == nil)
    }

    @Test("an older ending that comes late does not replace a newer one")
    func order() {
        note(9)
        note(7, next: 8)
        #expect(endings.ending(of: handle, generation: 9) != nil)
    }

    @Test("an ending is remembered for half a minute at least, and forgotten in the end")
    func forgetting() {
        note(7, after: .seconds(1))
        endings.note([SessionEnding(handle: .random(), generation: 1, next: nil)], now: start + .seconds(31))
        #expect(endings.ending(of: handle, generation: 7) != nil)
        endings.note([SessionEnding(handle: .random(), generation: 1, next: nil)], now: start + .seconds(62))
        #expect(endings.ending(of: handle, generation: 7) == nil)
    }
}
