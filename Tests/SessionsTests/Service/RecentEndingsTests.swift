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

    @Test("an ending is remembered for a quarter of an hour at least, and forgotten in the end")
    func forgetting() {
        note(7, after: .seconds(1))
        endings.note([SessionEnding(handle: .random(), generation: 1, next: nil)], now: start + .seconds(901))
        #expect(endings.ending(of: handle, generation: 7) != nil)
        #expect(endings.all.count == 2)
        endings.note([SessionEnding(handle: .random(), generation: 1, next: nil)], now: start + .seconds(1_802))
        #expect(endings.ending(of: handle, generation: 7) == nil)
        #expect(endings.all.count == 2)
    }

    @Test("too many endings make the oldest be forgotten early")
    func bound() {
        let endings = RecentEndings(maximum: 10)
        for generation in 1...25 {
            endings.note([SessionEnding(handle: .random(), generation: generation, next: nil)], now: start)
        }
        #expect(endings.all.map(\.generation).sorted() == Array(11...25))
    }
}
