import Testing

@testable import Bench

@Suite("What a member saw of a room's versions")
struct VersionTallyTests {
    /// Delivers patches to a member that has version 10.
    private func tally(_ patches: [(from: Int, version: Int)]) -> (VersionTally, last: Int) {
        var tally = VersionTally()
        var last = 10
        for patch in patches { tally.delivered(from: patch.from, version: patch.version, last: &last) }
        return (tally, last)
    }

    @Test("versions in order are all delivered")
    func inOrder() {
        let (tally, last) = tally([(10, 11), (11, 12), (12, 13)])
        #expect(tally == VersionTally(deliveries: 3, patches: 3))
        #expect(last == 13)
    }

    @Test("a merged patch delivers each of its versions")
    func merged() {
        let (tally, last) = tally([(10, 15)])
        #expect(tally == VersionTally(deliveries: 5, patches: 1))
        #expect(last == 15)
    }

    @Test("a hole is a loss")
    func hole() {
        let (tally, last) = tally([(12, 13)])
        #expect(tally == VersionTally(deliveries: 1, patches: 1, lost: 2))
        #expect(last == 13)
    }

    @Test("what fills a hole later is out of order, not lost")
    func late() {
        let (tally, last) = tally([(11, 12), (10, 11)])
        #expect(tally == VersionTally(deliveries: 2, patches: 2, lost: 0, doubled: 0, reordered: 1))
        #expect(last == 12)
    }

    @Test("a patch that comes twice is doubled")
    func twice() {
        let (tally, last) = tally([(10, 11), (10, 11)])
        #expect(tally == VersionTally(deliveries: 1, patches: 2, doubled: 1))
        #expect(last == 11)
    }

    @Test("a patch that begins before what the member has doubles only that part")
    func overlapping() {
        let (tally, last) = tally([(10, 12), (11, 14)])
        #expect(tally == VersionTally(deliveries: 4, patches: 2, doubled: 1))
        #expect(last == 14)
    }
}
