import NIOCore
import Testing

@testable import Bench

@Suite("Acts on their way in a closed loop")
struct ActWindowTests {
    private let start = NIODeadline.now()

    @Test("an act that came everywhere or failed frees its place, once")
    func ending() {
        var window = ActWindow(size: 2)
        window.sent(0, at: self.start)
        window.sent(1, at: self.start)
        #expect(window.free == 0)
        let ended = [0, 0, 77].map { window.ended($0) }
        #expect(ended == [true, false, false])
        #expect(window.free == 1)
    }

    @Test("what does not come in time frees its place too, and is counted")
    func givingUp() {
        var window = ActWindow(size: 3)
        for number in 0..<3 { window.sent(number, at: self.start + .seconds(Int64(number))) }
        window.giveUp(sentBefore: self.start + .seconds(2))
        #expect(window.givenUp == 2 && window.free == 2)
        let ended = [1, 2].map { window.ended($0) }
        #expect(ended == [false, true], "one comes after all, and its place has been taken")
        #expect(window.givenUp == 2)
    }

    @Test("an act is whole once, when all have it")
    func counting() {
        var counts = ActCounts()
        let whole = (0..<4).map { _ in counts.isWhole(7, of: 3) }
        #expect(whole == [false, false, true, false], "the last is a delivery that is doubled")
    }

    @Test("what was counted of an act long ago is not counted for a later one, nor the other way round")
    func stale() {
        var counts = ActCounts()
        var whole = [counts.isWhole(7, of: 2)]
        for turn in 1...2 {
            let later = 7 + turn << 16
            whole += [later, 7, later].map { counts.isWhole($0, of: 2) }
        }
        #expect(whole == [false, false, false, true, false, false, true], "the place of the first has been taken")
    }

    @Test("fewer sockets than before may make it whole")
    func closed() {
        var counts = ActCounts()
        let whole = [3, 1].map { counts.isWhole(7, of: $0) }
        #expect(whole == [false, true])
    }
}
