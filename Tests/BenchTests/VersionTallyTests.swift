import Testing

@testable import Bench

@Suite("What a member saw of a room's versions")
struct VersionTallyTests {
    /// Delivers patches to a member that has version 10.
    private func tally(_ patches: [(from: Int, version: Int)]) -> (VersionTally, last: Int) {
        var tally = VersionTally()
        var progress = VersionProgress(last: 10)
        for patch in patches { tally.delivered(from: patch.from, version: patch.version, &progress) }
        return (tally, progress.last)
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

    @Test("what one member has twice does not stand for what another never got")
    func members() {
        var tally = VersionTally()
        var first = VersionProgress(last: 10)
        var second = VersionProgress(last: 10)
        tally.delivered(from: 10, version: 11, &first)
        tally.delivered(from: 11, version: 12, &second)
        tally.delivered(from: 10, version: 11, &first)
        #expect(tally == VersionTally(deliveries: 2, patches: 3, lost: 1, doubled: 1))
    }

    @Test("a hole is filled once: what comes again, or in another place, is doubled")
    func holes() {
        let (tally, last) = tally([(11, 14), (15, 17), (20, 21), (17, 19), (17, 18), (10, 12), (11, 12), (14, 21)])
        #expect(last == 21)
        // 11, 18, 19 and then 15 and 20 came late; 18, 12 twice, and the rest of 15 to 21 had been there.
        #expect(tally == VersionTally(deliveries: 11, patches: 8, lost: 0, doubled: 8, reordered: 5))
    }

    @Test("a part of a hole leaves the rest of it open")
    func parts() {
        let (tally, _) = tally([(20, 21), (13, 15), (18, 20), (13, 14)])
        #expect(tally == VersionTally(deliveries: 5, patches: 4, lost: 6, doubled: 1, reordered: 4))
    }

    @Test("what fills a hole of the warm-up is out of order, and no loss of this tally is taken back for it")
    func warmUp() {
        var progress = VersionProgress(last: 10)
        var warmUp = VersionTally()
        warmUp.delivered(from: 12, version: 13, &progress)
        progress.beginTally()
        var tally = VersionTally()
        tally.delivered(from: 14, version: 15, &progress)
        tally.delivered(from: 10, version: 11, &progress)
        #expect(tally == VersionTally(deliveries: 2, patches: 2, lost: 1, reordered: 1))
    }

    @Test("what a snapshot jumps over or takes back is counted, and no hole is left before it")
    func snapshots() {
        var tally = VersionTally()
        var progress = VersionProgress(last: 10)
        tally.delivered(from: 11, version: 12, &progress)
        let skipped = [12, 15, 13].map { progress.snapshot($0) }
        #expect(skipped == [0, 3, 2])
        tally.delivered(from: 10, version: 11, &progress)
        tally.delivered(from: 13, version: 14, &progress)
        #expect(tally == VersionTally(deliveries: 2, patches: 3, lost: 1, doubled: 1))
    }
}
